// Drives goengine with Sabaki's own library, @sabaki/gtp, as Sabaki does.
//
//     node sabaki.mjs FOLDER_OF_@SABAKI/GTP MOVES PROGRAM [ARGUMENT...]
//
// Prints one line of JSON: the version of the library, what each step saw, and how a game between two instances
// went. MOVES is how many moves the game may last. Ends with status 1 where an answer is not as it should be.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";

const [folder, moves, program, ...args] = process.argv.slice(2);
const { Controller, ControllerStateTracker } = createRequire(import.meta.url)(folder);
const seen = { library: JSON.parse(readFileSync(join(folder, "package.json"), "utf8")).version };

function start() {
  const controller = new Controller(program, args);
  controller.start();
  return { controller, tracker: new ControllerStateTracker(controller) };
}

async function ask(controller, name, ...words) {
  const { content, error } = await controller.sendCommand({ name, args: words });
  assert.equal(error, false, `${name} ${words.join(" ")}: ${content}`);
  return content;
}

/** Sends an analysis, waits for its first lines, and returns them and the promise of its end. */
async function analyze(controller, name, ...words) {
  const lines = [];
  let ended;
  await new Promise((resolve) => {
    ended = controller.sendCommand({ name, args: words }, ({ line }) => {
      lines.push(line.trim());
      if (lines.some((text) => text.startsWith("info "))) resolve();
    });
    ended.then(resolve, resolve);
  });
  return { lines, ended };
}

const black = start();
const first = await Promise.all(
  ["name", "version", "protocol_version", "list_commands"].map((name) => ask(black.controller, name)),
);
seen.name = first[0];
assert.equal(first[2], "2");

// The tracker sends komi before boardsize, then all plays at once.
const vertices = ["Q16", "D4", "D16", "Q4", "C6", "R14"];
const plays = vertices.map((vertex, i) => ({ name: "play", args: [i % 2 ? "W" : "B", vertex] }));
await black.tracker.sync({ komi: 6.5, boardsize: [19, 19], history: plays });
const sent = [];
black.controller.on("command-sent", ({ command }) => sent.push(command.name));
await black.tracker.sync({ komi: 6.5, boardsize: [19, 19], history: plays.slice(0, 4) });
assert.deepEqual(sent, ["undo", "undo"]);
const shown = await ask(black.controller, "showboard");
await black.tracker.sync({ komi: 6.5, boardsize: [19, 19], history: [] });
await black.tracker.sync({ komi: 6.5, boardsize: [19, 19], history: plays.slice(0, 4) });
assert.equal(await ask(black.controller, "showboard"), shown);
seen.undone = 2;

// An analysis goes on until another command is sent.
const { lines, ended } = await analyze(black.controller, "lz-analyze", "B", "50");
const infos = lines.filter((line) => line.startsWith("info "));
assert.ok(infos.length > 0, lines.join("\n"));
const segments = infos[0].split(/\s*info\s+/).slice(1);
for (const segment of segments) assert.match(segment, /move \S+ visits \d+ winrate \d+ .*pv( [A-HJ-T]\d+| pass)+$/i);
assert.equal(await ask(black.controller, "name"), seen.name);
assert.equal((await ended).error, false);
seen.segments = segments.length;

// A game between two instances, each following the other's moves through its tracker.
const white = start();
const history = [];
for (const { tracker } of [black, white]) await tracker.sync({ komi: 7.5, boardsize: [19, 19], history });
seen.end = "moves";
for (let passes = 0; history.length < Number(moves); ) {
  const color = history.length % 2 ? "W" : "B";
  const { controller, tracker } = color === "B" ? black : white;
  await tracker.sync({ komi: 7.5, boardsize: [19, 19], history });
  const answer = await ask(controller, "genmove_analyze", color, "100");
  const played = /^play (\S+)$/m.exec(answer);
  assert.ok(played, `no move in ${answer}`);
  if (played[1].toLowerCase() === "resign") {
    seen.end = `${color} resigns`;
    break;
  }
  history.push({ name: "play", args: [color, played[1]] });
  passes = played[1].toLowerCase() === "pass" ? passes + 1 : 0;
  if (passes === 2) {
    seen.end = "passes";
    break;
  }
}
seen.moves = history.length;
seen.scores = [];
for (const { controller, tracker } of [black, white]) {
  await tracker.sync({ komi: 7.5, boardsize: [19, 19], history });
  seen.scores.push(await ask(controller, "final_score"));
  await controller.stop();
}
console.log(JSON.stringify(seen));
