//! Real programs that tests run (DHCP servers, Kea's agent that is asked over HTTP, and one that speaks Multicast DNS) and that
//! benchmarks stand beside (keepalived).
//!
//! What is not installed is fetched with apt-get and *unpacked* below `target/programs`, never installed: no maintainer
//! script runs, so no server can start on this machine's own network, nothing needs root, and nothing is left behind but
//! files in `target`. Where apt-get is not, the names of what is missing are all that can be said.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::root;

/// A program, and the Debian package that brings it.
const PROGRAMS: [(&str, &str); 7] = [
    ("avahi-daemon", "avahi-daemon"),
    ("dnsmasq", "dnsmasq-base"),
    ("dhcpd", "isc-dhcp-server"),
    ("kea-dhcp4", "kea-dhcp4-server"),
    ("kea-dhcp6", "kea-dhcp6-server"),
    ("kea-ctrl-agent", "kea-ctrl-agent"),
    ("busybox", "busybox"),
];

/// Sees to it that the tests find every program they run.
pub(crate) fn provide() -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Ok(());
    }
    for (program, package) in [("ip", "iproute2"), ("unshare", "util-linux")] {
        if find(program).is_none() {
            return Err(format!("the LAN tests need {program}: apt-get install -y {package}"));
        }
    }
    ensure(&PROGRAMS)
}

/// How to call a program, which is unpacked first if it is nowhere: its path, before it `env` with the place of its libraries
/// where it is only unpacked.
pub(crate) fn command(program: &str, package: &str) -> Result<String, String> {
    ensure(&[(program, package)])?;
    let path = find(program).ok_or_else(|| format!("there is no {program}"))?;
    let unpacked = unpacked();
    if !path.starts_with(&unpacked) {
        return Ok(path.display().to_string());
    }
    let folders = ["usr/lib", "lib"].map(|folder| unpacked.join(folder));
    let libraries = folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten();
    let libraries: Vec<String> = libraries.filter_map(|entry| Some(entry.ok()?.path().display().to_string())).collect();
    Ok(format!("env LD_LIBRARY_PATH={} {}", libraries.join(":"), path.display()))
}

/// Unpacks those of these (program, package) that are nowhere.
fn ensure(programs: &[(&str, &str)]) -> Result<(), String> {
    let missing: Vec<&str> =
        programs.iter().filter(|(program, _)| find(program).is_none()).map(|(_, package)| *package).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let folder = root().join("target/programs");
    fetch(&folder, &missing).map_err(|reason| {
        format!(
            "real programs are run here, and {} cannot be fetched: {reason}\n\
             install them, without starting any: apt-get install -y --no-install-recommends {}",
            missing.join(", "),
            missing.join(" ")
        )
    })?;
    match programs.iter().find(|(program, _)| find(program).is_none()) {
        Some((program, package)) => Err(format!("{package} was unpacked below target/programs, and has no {program}")),
        None => Ok(()),
    }
}

fn unpacked() -> PathBuf {
    root().join("target/programs/root")
}

/// A program that is installed or unpacked. `tests/common` of `poolcheck-lan` looks in the same places.
fn find(program: &str) -> Option<PathBuf> {
    let unpacked = unpacked();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let installed = std::env::split_paths(&path).chain(["/usr/sbin", "/sbin"].map(PathBuf::from));
    let folders = installed.chain(["usr/sbin", "usr/bin", "sbin", "bin"].map(|folder| unpacked.join(folder)));
    folders.map(|folder| folder.join(program)).find(|path| path.is_file())
}

fn fetch(folder: &Path, packages: &[&str]) -> Result<(), String> {
    let packed = folder.join("packed");
    for folder in [&packed, &folder.join("root"), &folder.join("lists/partial")] {
        fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    // The machine's own lists first; they may be old or absent, and only root may renew them, so then lists of our own.
    let lists = format!("Dir::State::Lists={}", folder.join("lists").display());
    if download(&packed, packages, &[]).is_err() {
        apt(&packed, &["-o", &lists, "update", "-qq"])?;
        download(&packed, packages, &["-o", &lists])?;
    }
    let archives = fs::read_dir(&packed).map_err(|error| error.to_string())?;
    for archive in archives.filter_map(|entry| Some(entry.ok()?.path())) {
        let unpacked = Command::new("dpkg").arg("-x").arg(&archive).arg(folder.join("root")).status();
        if !unpacked.is_ok_and(|status| status.success()) {
            return Err(format!("dpkg cannot unpack {}", archive.display()));
        }
    }
    Ok(())
}

/// Downloads packages, and what they need and this machine lacks.
fn download(folder: &Path, packages: &[&str], options: &[&str]) -> Result<(), String> {
    let simulate = ["install", "--simulate", "--no-install-recommends"];
    let plan = apt(folder, &[options, &simulate, packages].concat())?;
    let names: Vec<&str> =
        plan.lines().filter_map(|line| line.strip_prefix("Inst ")?.split_whitespace().next()).collect();
    apt(folder, &[options, &["download"], &names].concat()).map(drop)
}

fn apt(folder: &Path, arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("apt-get")
        // Its own unprivileged user could not write below a folder of root's.
        .args(["-o", "APT::Sandbox::User=root"])
        .args(arguments)
        .current_dir(folder)
        .env("LC_ALL", "C")
        .output()
        .map_err(|error| format!("apt-get cannot be started: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(format!("apt-get {}: {said}", arguments.join(" ")))
}
