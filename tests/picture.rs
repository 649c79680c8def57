//! The picture of the headline finding in the README is what the program really prints, in colours.
//!
//! `POOLCHECK_PICTURE=write cargo test --test picture` draws it anew.

use std::process::Command;

#[test]
fn the_picture_is_the_real_output() {
    let arguments =
        ["--color", "always", "check", "-A", "pool-not-advertised", "examples/homelab/before/metallb/pool.yaml"];
    let mut command = Command::new(env!("CARGO_BIN_EXE_poolcheck"));
    let output = command.args(arguments).env("COLUMNS", "120").output().expect("the program was built");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains("\u{1b}["), "it is drawn in colours");
    let prompt = "\u{1b}[2m$\u{1b}[0m \u{1b}[1mpoolcheck check\u{1b}[0m\n\n";
    // Links are for terminals; a picture has none.
    let plain = strip_links(&text);
    let shown = plain.split("\nnot checked:").next().unwrap_or(&plain);
    let picture = anstyle_svg::Term::new().render_svg(&format!("{prompt}{shown}\n"));
    let path = "docs/img/check.svg";
    if std::env::var_os("POOLCHECK_PICTURE").is_some_and(|wanted| wanted == "write") {
        std::fs::create_dir_all("docs/img").expect("a folder");
        std::fs::write(path, &picture).expect("written");
    }
    let committed = std::fs::read_to_string(path).expect("the picture is here");
    assert!(committed == picture, "stale: POOLCHECK_PICTURE=write cargo test --test picture");
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
