// Starts `poolcheck lsp` for each window, and stops it with it.
"use strict";

const { commands, window, workspace } = require("vscode");
const { LanguageClient } = require("vscode-languageclient/node");

let client;

async function start() {
  const command = workspace.getConfiguration("poolcheck").get("path", "poolcheck");
  const server = { command, args: ["lsp"] };
  const options = {
    documentSelector: [
      { scheme: "file", language: "yaml" },
      { scheme: "file", language: "json" },
    ],
    // Facts and configuration are read from the disk: the server is told when they change there.
    synchronize: { fileEvents: workspace.createFileSystemWatcher("**/*.{yaml,yml,json,toml}") },
  };
  client = new LanguageClient("poolcheck", "poolcheck", server, options);
  try {
    await client.start();
  } catch (error) {
    window.showErrorMessage(
      `poolcheck cannot be started as \`${command} lsp\`: ${error.message}. ` +
        "Install it with `cargo install --path . --features lsp`, or set poolcheck.path.",
    );
  }
}

async function stop() {
  const running = client;
  client = undefined;
  if (running) {
    await running.stop().catch(() => undefined);
  }
}

async function activate(context) {
  const restart = async () => {
    await stop();
    await start();
  };
  context.subscriptions.push(commands.registerCommand("poolcheck.restart", restart));
  await start();
}

module.exports = { activate, deactivate: stop };
