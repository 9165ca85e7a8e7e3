/** What each action takes under `with:`, and which of it must be there. A run's own repository and issue are the default. */
export const ACTIONS: {
  readonly [name: string]: { readonly needs: readonly string[]; readonly takes: readonly string[] };
} = {
  "github.comment": { needs: ["body"], takes: ["repo", "issue"] },
  "github.label": { needs: [], takes: ["add", "remove", "repo", "issue"] },
  "github.check": { needs: [], takes: ["name", "status", "conclusion", "title", "summary", "sha", "repo", "issue"] },
  "github.reaction": { needs: [], takes: ["content", "comment", "repo", "issue"] },
  "github.review": { needs: [], takes: ["body", "event", "repo", "issue"] },
};
