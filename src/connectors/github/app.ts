import { Fault } from "../../domain/fault.ts";

/** Signs in as the App itself, for ten minutes. The library is only loaded where there is an App to be. */
export async function signedIn(id: string, privateKey: string): Promise<string> {
  const { App } = await import("@octokit/app");
  try {
    const app = new App({ appId: id, privateKey });
    const { token } = (await app.octokit.auth({ type: "app" })) as { token: string };
    return token;
  } catch (cause) {
    throw new Fault("config.invalid", "LASTLIGHT_GITHUB_PRIVATE_KEY is no private key that an App could sign with", {
      cause,
    });
  }
}
