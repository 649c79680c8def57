//! `poolcheck init`: a configuration and a facts file to begin with, explained line by line.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use crate::config;
use crate::exit::Exit;
use crate::output::{self, Style};
use crate::session;

/// Write a configuration and a facts file to begin with. Nothing that is there is overwritten.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The folder to write them into
    #[arg(value_name = "FOLDER", default_value = ".")]
    folder: PathBuf,
}

const CONFIG: &str = r#"# What poolcheck is told about this repository. Every line is optional.

facts = ["lan.toml"]              # what is known of the LAN
# exclude           = ["archive/"]
# fail-on           = "error"     # error, warning, note or never
# require           = ["dhcp"]    # fail when this is not known
# facts-max-age     = 90          # days
# metallb-namespace = "metallb-system"

# [[router]]                      # a saved page or configuration file of the router
# adapter = "sky-hub"             # `poolcheck router list`
# file    = "router/sky_lan_ip_setup.html"

# [[values]]                      # Helm values files: which chart they are for
# file  = "traefik/values.yaml"
# chart = "traefik"

# [substitute]                    # variables that Flux puts in
# LB_RANGE = "192.168.1.240-192.168.1.250"

# [[cluster]]                     # where the folders do not say it
# name  = "home"
# paths = ["clusters/home"]

# [rules]
# pool-not-advertised = "off"     # error, warning, note or off

# [[ignore]]
# rule   = "pool-in-dhcp-range"
# object = "IPAddressPool */main-pool"
# reason = "the router is replaced in July"
# until  = 2026-07-31
"#;

const FACTS: &str = r#"# What is known of this LAN. Look at your router's page for its DHCP range, and write it here.

[[segment]]
subnet  = "192.168.1.0/24"
gateway = "192.168.1.1"
dhcp    = "192.168.1.2-192.168.1.253"   # or "off"
# dns          = "192.168.1.1"
# reservations = [{ address = "192.168.1.20", name = "nas", mac = "aa:bb:cc:00:00:01" }]
# hosts        = [{ address = "192.168.1.10", name = "n1", role = "node" }]

# [cluster]
# pods     = ["10.42.0.0/16"]
# services = ["10.43.0.0/16"]
"#;

pub(crate) fn run(args: &InitArgs, style: &Style) -> Exit {
    let mut told = String::new();
    for (name, text) in [(config::NAME, CONFIG), (config::FACTS_NAME, FACTS)] {
        let path = args.folder.join(name);
        match write_new(&path, text) {
            Ok(true) => writeln!(told, "wrote {}", path.display()).expect("writes to a string"),
            Ok(false) => {
                writeln!(told, "{} is there already: left as it is", path.display()).expect("writes to a string");
            }
            Err(error) => {
                return session::usage(
                    &format!("{} cannot be written: {error}", path.display()),
                    "name a folder that is there",
                )
                .tell(style);
            }
        }
    }
    told.push_str("next: write your router's DHCP range into lan.toml, then run poolcheck check\n");
    output::finish(output::print(&told), style)
}

/// Writes a file that is not there yet; `false` when it is.
fn write_new(path: &Path, text: &str) -> std::io::Result<bool> {
    match std::fs::OpenOptions::new().write(true).create_new(true).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()).map(|()| true),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use poolcheck_plan::Sources;

    #[test]
    fn what_is_written_can_be_read_as_it_is_and_with_every_line_in_force() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(config::NAME);
        let live = |text: &str| -> String {
            text.lines()
                .map(|line| {
                    line.strip_prefix("# ").filter(|l| l.contains('=') || l.starts_with('[')).unwrap_or(line).to_owned()
                        + "\n"
                })
                .collect()
        };
        std::fs::create_dir_all(folder.path().join("router")).unwrap();
        std::fs::create_dir_all(folder.path().join("traefik")).unwrap();
        std::fs::create_dir_all(folder.path().join("clusters/home")).unwrap();
        for file in ["lan.toml", "router/sky_lan_ip_setup.html", "traefik/values.yaml"] {
            std::fs::write(folder.path().join(file), "").unwrap();
        }
        for text in [CONFIG.to_owned(), live(CONFIG)] {
            std::fs::write(&path, &text).unwrap();
            let read = config::read(&path, false, &mut Sources::new());
            assert!(read.is_ok(), "{:?}\n{text}", read.err().map(|failure| failure.messages()));
        }
        for text in [FACTS.to_owned(), live(FACTS)] {
            let page = poolcheck_router_adapters::Page { name: "lan.toml", text: &text };
            let input = poolcheck_router_adapters::Input { pages: &[page], read_at: None };
            let manual = poolcheck_router_adapters::find("manual").unwrap();
            assert!(manual.parse(&input, &mut Sources::new()).is_ok(), "{text}");
        }
        assert!(!write_new(&path, "x").unwrap());
    }
}
