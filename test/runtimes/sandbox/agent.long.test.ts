import { afterAll } from "vitest";
import { keepsDeeds } from "./agent-deeds.ts";
import { keepsToItsShare } from "./agent-limits.ts";
import { keepsWithin } from "./agent-reach.ts";
import { keepsWords } from "./agent-words.ts";
import { inBubblewrap, inPodman } from "./agent-world.ts";

const houses = [await inBubblewrap(), inPodman()];
afterAll(() => {
  for (const house of houses) house.close();
});

for (const house of houses) {
  keepsWords(house);
  keepsDeeds(house);
  keepsWithin(house);
  keepsToItsShare(house);
}
