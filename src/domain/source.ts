/** Something else than GitHub that delivers: how its signature is read, and where its payload says what. */
export type DeliverySource = StandardSource | HmacSource;

interface SourceBase {
  readonly name: string;
  /** Names of secrets; any of them may have signed. */
  readonly secrets: readonly string[];
  readonly places: {
    readonly id?: Place;
    readonly type?: Place;
    readonly actor?: Place;
    readonly repo?: Place;
    readonly issueNumber?: Place;
  };
}

/** A JSON Pointer into the payload, or a header. */
export type Place = string | { readonly header: string };

export interface StandardSource extends SourceBase {
  readonly scheme: "standard-webhooks";
}

export interface HmacSource extends SourceBase {
  readonly scheme: "hmac";
  readonly header: string;
  readonly algorithm: "sha256" | "sha512";
  readonly encoding: "hex" | "base64";
  readonly prefix: string;
  readonly timestamp: { readonly header: string; readonly toleranceMs: number } | null;
  /** What is signed, with `{body}` and `{timestamp}` in their places. */
  readonly signs: string;
}
