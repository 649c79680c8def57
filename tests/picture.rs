//! The pictures in the documentation are what the program really prints, in colours.
//!
//! `POOLCHECK_PICTURE=write cargo test --test picture` draws them anew.

use std::process::Command;

/// Compares a committed picture with what a command prints, up to a line that begins so.
fn is_real(path: &str, shown_as: &str, arguments: &[&str], until: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    let output = command.args(["--color", "always"]).args(arguments).env("COLUMNS", "120").output();
    let text = String::from_utf8(output.expect("the program was built").stdout).expect("UTF-8");
    assert!(text.contains("\u{1b}["), "it is drawn in colours");
    let prompt = format!("\u{1b}[2m$\u{1b}[0m \u{1b}[1m{shown_as}\u{1b}[0m\n\n");
    // Links are for terminals; a picture has none.
    let plain = strip_links(&text);
    let shown = plain.split(until).next().unwrap_or(&plain);
    let picture = anstyle_svg::Term::new().render_svg(&format!("{prompt}{shown}\n"));
    if std::env::var_os("POOLCHECK_PICTURE").is_some_and(|wanted| wanted == "write") {
        std::fs::create_dir_all("docs/img").expect("a folder");
        std::fs::write(path, &picture).expect("written");
    }
    let committed = std::fs::read_to_string(path).expect("the picture is here");
    assert!(committed == picture, "{path} is stale: POOLCHECK_PICTURE=write cargo test --test picture");
}

#[test]
fn the_headline_finding() {
    let arguments = ["check", "-A", "pool-not-advertised", "examples/homelab/before/metallb/pool.yaml"];
    is_real("docs/img/check.svg", "poolcheck check", &arguments, "\nnot checked:");
}

#[test]
fn the_map_of_a_scan() {
    let arguments = ["scan", "--from", "examples/scan/scan.toml", "--manifests", "examples/scan", "--facts"];
    let arguments = [&arguments[..], &["examples/scan/lan.toml", "-A", "two-owners"]].concat();
    is_real("docs/img/scan.svg", "poolcheck scan", &arguments, "\u{1b}[1;31merror");
}

fn strip_links(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("\u{1b}]8;") {
        out.push_str(&rest[..start]);
        let end = rest[start..].find("\u{1b}\\").map_or(rest.len(), |end| start + end + 2);
        rest = &rest[end..];
    }
    out + rest
}
