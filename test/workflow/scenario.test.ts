import { expect, test } from "vitest";
import { CHILD, complaintsAbout, FULL, reading, scenarioIn, WORKFLOW, workflowOf } from "./scenario-world.ts";

const refusals: [string, string, string][] = [
  ["a misspelt key", "lmit: 3d\n", 's.yaml:1:1 unknown key "lmit". Did you mean "limit"?'],
  [
    "a misspelt key near a known one",
    "\noperater: []\n",
    's.yaml:2:1 unknown key "operater". Did you mean "operator"?',
  ],
  ["a workflow's word", "stdout: x\n", 's.yaml:1:1 "stdout" is not a key here. Write output'],
  [
    "a misspelt key of an act",
    "phases:\n  fix: { outptu: x }\n",
    's.yaml:2:10 unknown key "outptu". Did you mean "output"?',
  ],
  [
    "a misspelt key of one act of several",
    "phases:\n  fix:\n    - ok\n    - { takse: 3m }\n",
    's.yaml:4:9 unknown key "takse". Did you mean "takes"?',
  ],
  [
    "a misspelt key of an answer",
    "answers: { approve: { decison: approve } }\n",
    's.yaml:1:23 unknown key "decison". Did you mean "decision"?',
  ],
  [
    "a misspelt key of an expectation",
    "expect: { statsu: failed }\n",
    's.yaml:1:11 unknown key "statsu". Did you mean "status"?',
  ],
  [
    "a misspelt key of a later run's expectation",
    "triggers:\n  - expect: { phases: { fix: { trys: 1 } } }\n",
    's.yaml:2:32 unknown key "trys"',
  ],
  ["a list of phases", "phases:\n  - name: fix\n", "s.yaml:2:3 phases must be a map of keys"],
  [
    "an act that is a number",
    "phases: { fix: 12 }\n",
    "s.yaml:1:16 fix must be an output, a map of exit, output, stderr, takes, lost, error, usd, turns, files, or a list of those",
  ],
  [
    "an act without a value",
    "phases:\n  fix:\n",
    "s.yaml:2:7 fix has no value; it must be an output, a map of exit, output, stderr, takes, lost, error, usd, turns, files, or a list of those",
  ],
  ["a list of no acts", "phases: { fix: [] }\n", "s.yaml:1:16 fix must not be empty"],
  ["an output that is a number", "phases: { fix: { output: 12 } }\n", 's.yaml:1:26 output must be text. Write "12"'],
  ["an exit code that is none", "phases: { fix: { exit: 256 } }\n", "s.yaml:1:24 exit must be at most 255"],
  ["a duration without a unit", "phases: { fix: { takes: 3 } }\n", 's.yaml:1:25 takes needs a unit: "3s"'],
  [
    "a duration in words",
    "phases: { fix: { takes: forever } }\n",
    's.yaml:1:25 takes must be a duration such as "90s", "15m" or "2h", or never',
  ],
  ["a moment without a unit", "signals: [{ at: 0, name: x }]\n", 's.yaml:1:17 at needs a unit: "0s"'],
  ["a limit of nothing", "limit: 0s\n", 's.yaml:1:8 limit must be a duration such as "90s", "15m" or "2h"'],
  [
    "a start without a zone",
    "start: 2026-01-05T09:00:00\n",
    's.yaml:1:8 start must be a moment from 1970 to 9900 with its zone, such as "2026-01-05T09:00:00Z"',
  ],
  [
    "a start on no day",
    "start: 2026-02-30T09:00:00Z\n",
    's.yaml:1:8 start must be a moment from 1970 to 9900 with its zone, such as "2026-01-05T09:00:00Z"',
  ],
  ["a seed below zero", "seed: -1\n", "s.yaml:1:7 seed must be at least 0"],
  [
    "a file above the workspace",
    "phases: { fix: { files: { ../x: y } } }\n",
    "s.yaml:1:27 ../x must be a path below the working directory",
  ],
  [
    "an answer that is no word for one",
    "answers: { approve: aprove }\n",
    's.yaml:1:21 approve must be approve, reject, nobody, a map of decision or reply, by, after, comment, or a list of those. Did you mean "approve"?',
  ],
  [
    "an answer that says nothing",
    "answers: { approve: { by: ana } }\n",
    "s.yaml:1:21 approve needs decision or reply, and not both",
  ],
  [
    "an answer that says two things",
    "answers: { approve: { decision: approve, reply: x } }\n",
    "s.yaml:1:21 approve needs decision or reply, and not both",
  ],
  [
    "a comment beside a reply",
    "answers: { talk: { reply: x, comment: y } }\n",
    "s.yaml:1:39 comment means nothing beside reply, which is all that is said. Remove it",
  ],
  [
    "an unknown status",
    "expect: { status: suceeded }\n",
    's.yaml:1:19 status must be one of queued, running, paused, succeeded, failed, cancelled. Did you mean "succeeded"?',
  ],
  [
    "a reason without a value",
    "expect: { reason: }\n",
    "s.yaml:1:19 reason has no value. Write null to expect that there is none",
  ],
  [
    "an unknown fault",
    "expect: { refused: inputs.invalid }\n",
    's.yaml:1:20 refused must be one of workflow.unknown, workflow.invalid, workflow.unavailable, workflow.disabled, input.invalid, secret.missing, budget.exceeded, template.failed. Did you mean "input.invalid"?',
  ],
  [
    "a phase expectation of nothing",
    "expect: { phases: { fix: {} } }\n",
    "s.yaml:1:26 fix expects nothing. Write status, tries, asks, output or given",
  ],
  [
    "an act for a phase that is not there",
    "phases:\n  dignose: ok\n",
    's.yaml:2:3 no phase is called "dignose". Did you mean "diagnose"?',
  ],
  [
    "an act for an iteration of what is no loop",
    "phases: { diagnose_iter_1: ok }\n",
    's.yaml:1:11 "diagnose_iter_1" never comes: diagnose has no generic_loop',
  ],
  [
    "an act for a fix of what only goes round",
    "phases: { fix_fix_1: ok }\n",
    's.yaml:1:11 "fix_fix_1" never comes: fix has no loop',
  ],
  [
    "an act for an iteration beyond the last",
    "phases: { fix_iter_5: ok }\n",
    's.yaml:1:11 "fix_iter_5" never comes: fix goes round 4 times at most',
  ],
  [
    "an act for a cycle beyond the last",
    "phases: { review_recheck_3: ok }\n",
    's.yaml:1:11 "review_recheck_3" never comes: review goes round 2 times at most',
  ],
  ["an act for iteration 0", "phases: { fix_iter_0: ok }\n", 's.yaml:1:11 "fix_iter_0" never comes: the first is 1'],
  [
    "an act for a check that nobody makes",
    "phases: { talk_iter_1_check: ok }\n",
    's.yaml:1:11 "talk_iter_1_check" never comes: talk has no until_bash',
  ],
  [
    "an act for a retry that nobody makes",
    "phases: { fix_iter_1_retry: ok }\n",
    's.yaml:1:11 "fix_iter_1_retry" never comes: fix has no on_soft_failure.retries',
  ],
  [
    "an act for an iteration with a nought before it",
    "phases: { fix_iter_01: ok }\n",
    's.yaml:1:11 "fix_iter_01" is written fix_iter_1',
  ],
  [
    "an act for an item beyond the last",
    'phases: { "build[2]": ok }\n',
    's.yaml:1:11 "build[2]" never comes: build makes 2 items at most, counted from 0',
  ],
  [
    "an act for an item of what is no matrix",
    'phases: { "fix[0]": ok }\n',
    's.yaml:1:11 "fix[0]" never comes: fix has no matrix',
  ],
  [
    "an act for a marker",
    "phases: { intake: ok }\n",
    "s.yaml:1:11 intake runs nothing: it only marks a place. Remove the act",
  ],
  [
    "an act for a gate",
    "phases: { approve: ok }\n",
    "s.yaml:1:11 approve runs nothing: it asks people. Write what they say under answers",
  ],
  [
    "an act for a wait",
    "phases: { pause: ok }\n",
    "s.yaml:1:11 pause runs nothing: it waits, and simulated time passes by itself. Remove the act, or write signals for its condition",
  ],
  [
    "an act for a child run",
    "phases: { child: ok }\n",
    "s.yaml:1:11 child runs nothing: it starts another workflow. Write what that one's phases do under children: build-it",
  ],
  [
    "a command that speaks of itself",
    "phases: { diagnose: { usd: 1 } }\n",
    "s.yaml:1:23 usd is what an agent says of itself; diagnose is a command. Remove it",
  ],
  [
    "a loop's command that speaks of itself",
    "phases: { fix_iter_1_check: { error: no } }\n",
    "s.yaml:1:31 error is what an agent says of itself; fix_iter_1_check is a command. Remove it",
  ],
  [
    "something lost with an exit code",
    "phases: { fix: { lost: true, exit: 1 } }\n",
    "s.yaml:1:30 exit is not known of what is lost. Remove it, or lost",
  ],
  [
    "something lost that goes on for ever",
    "phases: { fix: { lost: true, takes: never } }\n",
    "s.yaml:1:37 what is lost ends at some time. Write when, such as 10s",
  ],
  [
    "an exit code after for ever",
    "phases: { fix: [ok, { takes: never, exit: 1 }] }\n",
    "s.yaml:1:37 exit is never reached: it takes for ever. Remove it, or takes",
  ],
  [
    "an answer for a gate that is not there",
    "answers: { aprove: approve }\n",
    's.yaml:1:12 no phase or gate is called "aprove". Did you mean "approve"?',
  ],
  [
    "an answer for a phase that asks nobody",
    "answers: { publish: approve }\n",
    "s.yaml:1:12 publish asks nobody, so this is never said. Remove it",
  ],
  [
    "an answer for a gate that is not enabled",
    "answers: { after_diagnose: approve }\n",
    's.yaml:1:12 the gate "after_diagnose" never opens here. Add it to settings.approvals',
  ],
  [
    "an answer for a phase whose gate is not enabled",
    "answers: { diagnose: approve }\n",
    's.yaml:1:12 the gate "after_diagnose" never opens here. Add it to settings.approvals',
  ],
  [
    "an answer for a gate behind a loop",
    "settings: { approvals: [ignored_on_loops] }\nanswers: { fix: approve }\n",
    "s.yaml:2:12 fix asks nobody, so this is never said. Remove it",
  ],
  [
    "a reply to a gate that wants a yes or no",
    "answers: { approve: [approve, { reply: well }] }\n",
    "s.yaml:1:33 approve takes approve or reject; only gates of kind reply take a text. Write decision",
  ],
  [
    "a child that nobody starts",
    "children: { buildit: {} }\n",
    's.yaml:1:13 no phase starts a workflow "buildit". Did you mean "build-it"?',
  ],
  [
    "a child that was not found",
    "children: { deeper: {} }\n",
    's.yaml:1:13 the workflow "deeper" was not found, so nothing can be said of its phases',
  ],
  [
    "an act for a phase that a child does not have",
    "children: { build-it: { phases: { fix: ok } } }\n",
    's.yaml:1:35 no phase is called "fix"',
  ],
  [
    "an answer for a child's gate that is not there",
    "children: { build-it: { answers: { approve: approve } } }\n",
    's.yaml:1:36 no phase or gate is called "approve"',
  ],
  [
    "one trigger and several",
    "trigger: { by: ana }\ntriggers: [{ by: ben }]\n",
    "s.yaml:1:1 set trigger or triggers, not both",
  ],
  [
    "expectations beside several triggers",
    "expect: { status: failed }\ntriggers: [{ by: ben }]\n",
    "s.yaml:1:1 beside triggers each has its own expect. Move it into the entry it is about",
  ],
  [
    "a signal to a run that is not there",
    "signals: [{ at: 1h, name: x, run: 2 }]\n",
    "s.yaml:1:35 there is no run 2: the scenario has 1 trigger",
  ],
  [
    "a deed on a run that is not there",
    "triggers: [{}, {}]\noperator: [{ at: 1h, do: pause, run: 3 }]\n",
    "s.yaml:2:38 there is no run 3: the scenario has 2 triggers",
  ],
  [
    "a retry from a phase that is not there",
    "operator: [{ at: 1h, do: retry, from: fxi }]\n",
    's.yaml:1:39 no phase is called "fxi". Did you mean "fix"?',
  ],
  [
    "a pause from a phase",
    "operator: [{ at: 1h, do: pause, from: fix }]\n",
    "s.yaml:1:39 from belongs to do: retry. Remove it",
  ],
  [
    "an unknown deed",
    "operator: [{ at: 1h, do: puase }]\n",
    's.yaml:1:26 do must be one of pause, resume, cancel, retry. Did you mean "pause"?',
  ],
  [
    "a promise about a phase that is not there",
    "expect: { phases: { publsh: { tries: 1 } } }\n",
    's.yaml:1:21 no phase is called "publsh". Did you mean "publish"?',
  ],
  [
    "a promise about an iteration",
    "expect: { phases: { fix_iter_1: { tries: 1 } } }\n",
    's.yaml:1:21 "fix_iter_1" is only a part of fix. Write fix, which stands for all of them',
  ],
  [
    "an order with a phase that is not there",
    "expect: { order: [diagnose, fxi] }\n",
    's.yaml:1:29 no phase is called "fxi". Did you mean "fix"?',
  ],
  [
    "an order with a phase twice",
    "expect: { order: [diagnose, fix, diagnose] }\n",
    's.yaml:1:34 "diagnose" is in the order twice',
  ],
  [
    "an order against the workflow's own",
    "expect: { order: [fix, diagnose] }\n",
    's.yaml:1:24 "diagnose" cannot start after "fix", which waits for it',
  ],
  [
    "a phase that is not there and never starts",
    "expect: { never: [publsh] }\n",
    's.yaml:1:19 no phase is called "publsh". Did you mean "publish"?',
  ],
  [
    "a refusal and a status",
    "expect: { refused: input.invalid, status: failed }\n",
    "s.yaml:1:35 status cannot be expected beside refused: there is no run",
  ],
  [
    "a reason of success",
    "expect: { status: succeeded, reason: rejected }\n",
    "s.yaml:1:38 a run that is succeeded has no reason. Remove it",
  ],
  [
    "a reason of another status",
    "expect: { status: paused, reason: rejected }\n",
    "s.yaml:1:35 reason rejected belongs to a run that is failed, not paused",
  ],
  [
    "a reason of several other statuses",
    "expect: { status: failed, reason: concurrency }\n",
    "s.yaml:1:35 reason concurrency belongs to a run that is queued or paused or cancelled, not failed",
  ],
  [
    "no reason where there is one",
    "expect: { status: paused, reason: null }\n",
    "s.yaml:1:35 a run that is paused has a reason: one of gate, timer, child, action, operator, concurrency, disk_full",
  ],
  [
    "a phase that waits when all is over",
    "expect: { status: succeeded, phases: { approve: { status: waiting } } }\n",
    "s.yaml:1:59 approve cannot be waiting when the run is over",
  ],
  [
    "a phase that has begun in the queue",
    "expect: { status: queued, phases: { diagnose: { status: running } } }\n",
    "s.yaml:1:57 diagnose cannot be running in a run that is queued",
  ],
  [
    "a success with a failure that nothing provides for",
    "expect: { status: succeeded, phases: { fix: { status: failed } } }\n",
    "s.yaml:1:55 the run cannot succeed when fix failed: nothing after it goes on after a failure",
  ],
  [
    "a success with a phase cut off",
    "expect: { status: succeeded, phases: { fix: { status: cancelled } } }\n",
    "s.yaml:1:55 no phase is cancelled in a run that succeeded",
  ],
  [
    "never and in order",
    "expect:\n  order: [diagnose, publish]\n  never: [publish]\n",
    's.yaml:3:11 "publish" cannot never start and meet what line 2 expects of it',
  ],
  [
    "never and tried",
    "expect:\n  phases: { publish: { tries: 1 } }\n  never: [publish]\n",
    's.yaml:3:11 "publish" cannot never start and meet what line 2 expects of it',
  ],
  [
    "never and succeeded",
    "expect:\n  phases: { publish: { status: succeeded } }\n  never: [publish]\n",
    's.yaml:3:11 "publish" cannot never start and meet what line 2 expects of it',
  ],
  [
    "never and asked",
    "expect:\n  phases: { approve: { asks: 1 } }\n  never: [intake, approve]\n",
    's.yaml:3:19 "approve" cannot never start and meet what line 2 expects of it',
  ],
  [
    "no try and an output",
    "expect: { phases: { fix: { tries: 0, output: x } } }\n",
    "s.yaml:1:35 fix cannot have output without a try",
  ],
  [
    "no try and a success",
    "expect: { phases: { fix: { tries: 0, status: succeeded } } }\n",
    "s.yaml:1:35 fix cannot have succeeded without a try",
  ],
  [
    "skipped and tried",
    "expect: { phases: { fix: { status: skipped, tries: 1 } } }\n",
    "s.yaml:1:36 fix cannot be skipped and have tries",
  ],
  [
    "tries of what only asks",
    "expect: { phases: { approve: { tries: 1 } } }\n",
    "s.yaml:1:39 approve tries nothing: it only asks",
  ],
  [
    "questions of a phase that asks nobody",
    "expect: { phases: { publish: { asks: 1 } } }\n",
    "s.yaml:1:38 publish asks nobody here",
  ],
  [
    "questions of a gate that is not enabled",
    "expect: { phases: { diagnose: { asks: 1 } } }\n",
    's.yaml:1:39 diagnose asks nobody here. Add "after_diagnose" to settings.approvals',
  ],
  [
    "a time longer than its limit",
    "expect: { takes: { at_least: 3h, at_most: 90m } }\n",
    "s.yaml:1:30 at_least 3h is more than at_most 90m",
  ],
  ["a time without limits", "expect: { takes: {} }\n", "s.yaml:1:18 takes expects nothing. Write at_least or at_most"],
  [
    "one of several acts that is a number",
    "phases: { fix: [ok, 12] }\n",
    "s.yaml:1:21 fix: entry 2 must be an output, a map of exit, output, stderr, takes, lost, error, usd, turns, files, or a list of those",
  ],
  ["an empty file", "", "s.yaml:1:1 the file has no value; it must be a map of keys"],
  ["a file that is a list", "- fix: ok\n", "s.yaml:1:1 the file must be a map of keys"],
  ["a key twice", "phases: { fix: a, fix: b }\n", 's.yaml:1:19 "fix" is here twice'],
  ["a null for a map", "phases:\nanswers: {}\n", "s.yaml:1:8 phases has no value; it must be a map of keys"],
  ["a list where a map belongs", "settings: [a]\n", "s.yaml:1:11 settings must be a map of keys"],
  [
    "an alias of nothing",
    "phases: { fix: *ok }\n",
    's.yaml:1:16 "*ok" names no anchor above it. Quote the text if the * is meant',
  ],
];

test.for(refusals)("%s is refused with its place and the remedy", ([, text, message]) => {
  expect(complaintsAbout(text)).toEqual([message]);
  expect(reading(text).scenario).toBeNull();
});

test("a scenario that says all there is to say is read as it says it", () => {
  const { scenario, complaints } = reading(FULL);
  expect(complaints).toEqual([]);
  expect(scenario).toEqual({
    name: "approved on the second day",
    description: "What a good week looks like",
    seed: 7,
    start: "2026-01-05T09:00:00.000Z",
    limitMs: 864000000,
    settings: {
      approvals: ["after_diagnose"],
      models: { fix: "opus" },
      variants: { fix: "high" },
      secrets: ["GITHUB_TOKEN"],
      publicUrl: "https://lastlight.example",
      sandbox: "container",
      maxExecutions: 2,
    },
    triggers: [
      {
        atMs: 0,
        type: "webhook",
        id: "delivery-1",
        by: "ana",
        once: "key",
        inputs: { severity: "high" },
        context: { issueTitle: "It breaks" },
        expect: [
          { type: "status", is: "failed", said: { line: 25, column: 15 } },
          { type: "reason", is: "rejected", said: { line: 26, column: 15 } },
          { type: "phase.status", is: "succeeded", phase: "fix", said: { line: 28, column: 24 } },
          { type: "phase.tries", is: 2, phase: "fix", said: { line: 28, column: 42 } },
          { type: "phase.output", is: "done", phase: "fix", said: { line: 28, column: 53 } },
          { type: "phase.given", contains: "words of the prompt", phase: "fix", said: { line: 28, column: 66 } },
          { type: "phase.asks", is: 1, phase: "approve", said: { line: 29, column: 26 } },
          { type: "phase.output", contains: "1 failed", phase: "diagnose", said: { line: 30, column: 29 } },
          { type: "order", phases: ["diagnose", "fix"], said: { line: 31, column: 14 } },
          { type: "never", phase: "publish", said: { line: 32, column: 15 } },
          { type: "said", words: "Ship it", said: { line: 33, column: 14 } },
          { type: "said", words: "sorry", said: { line: 33, column: 23 } },
          { type: "takes", atLeastMs: 3600000, atMostMs: 259200000, said: { line: 34, column: 14 } },
          { type: "costs", usdAtMost: 1, turnsAtMost: 20, tokensAtMost: 10000, said: { line: 35, column: 14 } },
        ],
        said: { line: 17, column: 5 },
      },
      {
        atMs: 10000,
        type: "api",
        id: null,
        by: "you",
        once: null,
        inputs: {},
        context: {},
        expect: [{ type: "refused", code: "input.invalid", said: { line: 36, column: 35 } }],
        said: { line: 36, column: 5 },
      },
    ],
    cast: {
      phases: {
        diagnose: [
          {
            takesMs: 180000,
            end: { type: "exit", code: 1 },
            output: "1 failed",
            stderr: "no",
            error: null,
            files: {},
            usage: {},
            said: { line: 38, column: 14 },
          },
          {
            takesMs: 1000,
            end: { type: "exit", code: 0 },
            output: "ok",
            stderr: "",
            error: null,
            files: {},
            usage: {},
            said: { line: 38, column: 70 },
          },
        ],
        fix: [
          {
            takesMs: 1200000,
            end: { type: "exit", code: 0 },
            output: "FIX_COMPLETE: yes",
            stderr: "",
            error: null,
            files: { "patch.diff": "+1" },
            usage: { usd: 0.4, turns: 12, inputTokens: 3400, outputTokens: 800 },
            said: { line: 39, column: 8 },
          },
        ],
        fix_iter_2: [
          {
            takesMs: 1000,
            end: { type: "exit", code: 0 },
            output: "",
            stderr: "",
            error: "the model is overloaded",
            files: {},
            usage: {},
            said: { line: 40, column: 15 },
          },
        ],
        talk: [
          {
            takesMs: 1000,
            end: { type: "exit", code: 0 },
            output: "say this",
            stderr: "",
            error: null,
            files: {},
            usage: {},
            said: { line: 41, column: 9 },
          },
        ],
        "build[1]": [
          {
            takesMs: null,
            end: { type: "exit", code: 0 },
            output: "",
            stderr: "",
            error: null,
            files: {},
            usage: {},
            said: { line: 42, column: 13 },
          },
        ],
        tidy: [
          {
            takesMs: 10000,
            end: { type: "lost" },
            output: "",
            stderr: "",
            error: null,
            files: {},
            usage: {},
            said: { line: 43, column: 9 },
          },
        ],
      },
      answers: {
        approve: [
          {
            type: "answer",
            decision: "reject",
            by: "ana",
            afterMs: 7200000,
            comment: "not yet",
            said: { line: 45, column: 12 },
          },
        ],
        after_diagnose: [
          {
            type: "answer",
            decision: "approve",
            by: "someone",
            afterMs: 60000,
            comment: null,
            said: { line: 46, column: 20 },
          },
          {
            type: "answer",
            decision: "reject",
            by: "someone",
            afterMs: 60000,
            comment: null,
            said: { line: 46, column: 29 },
          },
          { type: "nobody", said: { line: 46, column: 37 } },
        ],
        talk: [
          {
            type: "answer",
            decision: "reply",
            by: "ben",
            afterMs: 3600000,
            comment: "use blue",
            said: { line: 47, column: 9 },
          },
        ],
      },
    },
    children: {
      "build-it": {
        phases: {
          compile: [
            {
              takesMs: 1000,
              end: { type: "exit", code: 0 },
              output: "built",
              stderr: "",
              error: null,
              files: {},
              usage: {},
              said: { line: 49, column: 34 },
            },
          ],
        },
        answers: {
          sign: [
            {
              type: "answer",
              decision: "approve",
              by: "someone",
              afterMs: 60000,
              comment: null,
              said: { line: 49, column: 60 },
            },
          ],
        },
      },
    },
    signals: [
      { atMs: 10800000, trigger: 1, id: "s1", name: "deployed", payload: { ok: true }, said: { line: 51, column: 5 } },
      { atMs: 14400000, trigger: 0, id: "signal-2", name: "deployed", payload: true, said: { line: 52, column: 5 } },
    ],
    operator: [
      { atMs: 600000, trigger: 1, what: "pause", from: null, by: "ops", said: { line: 54, column: 5 } },
      { atMs: 3600000, trigger: 0, what: "resume", from: null, by: "you", said: { line: 55, column: 5 } },
      { atMs: 7200000, trigger: 0, what: "cancel", from: null, by: "you", said: { line: 56, column: 5 } },
      { atMs: 10800000, trigger: 0, what: "retry", from: "fix", by: "you", said: { line: 57, column: 5 } },
    ],
    easy: true,
  });
});

test("an enabled gate that nobody has is pointed out, and the scenario is read all the same", () => {
  const { scenario, complaints } = reading("settings: { approvals: [after_diagnosis] }\n");
  expect(complaints).toMatchObject([
    {
      line: 1,
      column: 25,
      severity: "warning",
      message: 'no phase has the approval_gate "after_diagnosis". Did you mean "after_diagnose"?',
    },
  ]);
  expect(scenario?.settings.approvals).toEqual(["after_diagnosis"]);
});

const accepted: [string, string][] = [
  ["acts for a phase and for one of its iterations", "phases: { fix: a, fix_iter_1: b, fix_iter_4_check: c }\n"],
  ["acts for both rounds of a review", "phases: { review: a, review_fix_1: b, review_recheck_2: c }\n"],
  ["an act for a forgiven iteration", "phases: { talk_iter_2_retry: a }\n"],
  ["an act for an item of a matrix that only the run knows", "phases: { 'count[77]': a }\n"],
  ["an act for a phase that is not carried out yet", "phases: { publish: { output: done, usd: 1 } }\n"],
  [
    "an answer for a gate that is enabled",
    "settings: { approvals: [after_diagnose] }\nanswers: { after_diagnose: approve }\n",
  ],
  [
    "an answer under the phase of an enabled gate",
    "settings: { approvals: [after_diagnose] }\nanswers: { diagnose: approve }\n",
  ],
  [
    "an answer between two cycles of a review",
    "settings: { approvals: [between_cycles] }\nanswers: { review: approve }\n",
  ],
  ["a yes to a gate that takes any text", "answers: { talk: [approve, { reply: x }, nobody] }\n"],
  ["no answer at all to a gate that wants a yes or no", "answers: { approve: nobody }\n"],
  ["no seconds at all", "signals: [{ at: 0s, name: x }]\nphases: { fix: { takes: 0m } }\n"],
  ["no reason", "expect: { status: failed, reason: null }\n"],
  ["a paused run that an operator holds", "expect: { status: paused, reason: operator }\n"],
  ["a run that its group turned away", "expect: { status: cancelled, reason: concurrency }\n"],
  [
    "a failure that the next phase goes on after",
    "expect: { status: succeeded, phases: { diagnose: { status: failed } } }\n",
  ],
  ["a failure of what runs last", "expect: { status: succeeded, phases: { tidy: { status: failed } } }\n"],
  ["a failure before the first try, of a condition", "expect: { phases: { maybe: { status: failed, tries: 0 } } }\n"],
  [
    "a success without a try, of a matrix without values",
    "expect: { phases: { count: { status: succeeded, tries: 0 } } }\n",
  ],
  [
    "a phase skipped after a try, where an operator has it go on",
    "expect: { phases: { fix: { status: skipped, tries: 1 } } }\noperator: [{ at: 1h, do: retry, from: diagnose }]\n",
  ],
  ["an order with others between", "expect: { order: [diagnose, approve] }\n"],
  ["the same phase never, twice", "expect: { never: [publish, publish] }\n"],
  [
    "a phase that never starts and is skipped",
    "expect: { never: [publish], phases: { publish: { status: skipped, tries: 0 } } }\n",
  ],
  ["a byte order mark and Windows line ends", "\uFEFFseed: 1\r\nphases:\r\n  fix: ok\r\n"],
];

test.for(accepted)("%s may stand", ([, text]) => {
  expect(complaintsAbout(text)).toEqual([]);
});

test("a phase that a gate sends back may be tried and skipped", () => {
  const workflow = workflowOf(`name: fix
phases:
  - { name: build, type: bash, command: make }
  - { name: deploy, type: bash, command: make, depends_on: [build], if: "phases.build.exit_code == 0" }
  - { name: other, type: bash, command: make, depends_on: [] }
  - { name: approve, type: approval, depends_on: [deploy, other], approval: { summary: x, on_reject: { rework: build, max: 1 } } }
`);
  const expecting = (phase: string) => `expect: { phases: { ${phase}: { status: skipped, tries: 1 } } }\n`;
  expect(complaintsAbout(expecting("deploy"), workflow)).toEqual([]);
  expect(complaintsAbout(expecting("other"), workflow)).toEqual(["s.yaml:1:38 other cannot be skipped and have tries"]);
});

test("what a file leaves unsaid is written out", () => {
  expect(scenarioIn("phases: { fix: { takes: never } }\nanswers: { approve: approve }\n")).toMatchObject({
    seed: 1,
    start: "2026-01-05T09:00:00.000Z",
    limitMs: 30 * 86_400_000,
    easy: false,
    settings: { approvals: [], secrets: ["GITHUB_TOKEN"], sandbox: "none", maxExecutions: 4, publicUrl: "" },
    triggers: [
      { atMs: 0, type: "api", id: null, by: "you", once: null, inputs: {}, context: {}, expect: [], said: null },
    ],
    cast: {
      phases: {
        fix: [
          {
            takesMs: null,
            end: { type: "exit", code: 0 },
            output: "",
            files: {},
            usage: {},
            said: { line: 1, column: 16 },
          },
        ],
      },
      answers: { approve: [{ decision: "approve", by: "someone", afterMs: 60_000, comment: null }] },
    },
  });
});

test("a workflow that starts itself may be spoken of as its own child", () => {
  const again = workflowOf(
    "name: again\nphases: [{ name: more, type: workflow, workflow: again }, { name: a, type: bash, command: x }]\n",
  );
  expect(complaintsAbout("children: { again: { phases: { a: ok } } }\n", again)).toEqual([]);
});

test("of 501 expectations one is too many, whatever they are about", () => {
  const text = (many: number): string =>
    `expect:\n  said: [${Array.from({ length: many }, (_, at) => `w${at}`).join(", ")}]\n  never: [publish]\n`;
  expect(complaintsAbout(text(499))).toEqual([]);
  expect(complaintsAbout(text(500))).toEqual(["s.yaml:1:1 more than 500 expectations of one run"]);
});

test.for([
  [
    "acts",
    (many: number) => `phases: { fix: [${"a, ".repeat(many)}] }\n`,
    1_000,
    "s.yaml:1:16 fix may hold at most 1000",
  ],
  [
    "answers",
    (many: number) => `answers: { talk: [${"nobody, ".repeat(many)}] }\n`,
    1_000,
    "s.yaml:1:18 talk may hold at most 1000",
  ],
  [
    "triggers",
    (many: number) => `triggers: [${"{}, ".repeat(many)}]\n`,
    200,
    "s.yaml:1:11 triggers may hold at most 200",
  ],
  [
    "signals",
    (many: number) => `signals: [${"{ at: 1s, name: x }, ".repeat(many)}]\n`,
    1_000,
    "s.yaml:1:10 signals may hold at most 1000",
  ],
  [
    "deeds",
    (many: number) => `operator: [${"{ at: 1s, do: pause }, ".repeat(many)}]\n`,
    1_000,
    "s.yaml:1:11 operator may hold at most 1000",
  ],
] as const)("one of the %s too many is refused", ([, text, most, message]) => {
  expect(complaintsAbout(text(most))).toEqual([]);
  expect(complaintsAbout(text(most + 1))).toEqual([message]);
});

test("the worlds of these tests are not empty", () => {
  expect(WORKFLOW.phases).toHaveLength(13);
  expect(CHILD.phases).toHaveLength(3);
});
