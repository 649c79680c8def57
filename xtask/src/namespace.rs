//! Network namespaces for LANs made here: this program again in one of its own, and iproute2 within.
//!
//! Without root the namespace is a user namespace's; nothing in it can reach this machine's own network.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use poolcheck_lan::interface::{Interface, interfaces};

use crate::root;

/// Runs this program again, with these arguments and variables, in a network namespace of its own.
pub(crate) fn again(arguments: &[String], variables: &[(&str, &str)]) -> Result<(), String> {
    let this = std::env::current_exe().map_err(|error| error.to_string())?;
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let status = Command::new("unshare")
        .arg(if is_root { "-nm" } else { "-Urnm" })
        .args(["sh", "-c", "mount -t tmpfs tmpfs /run && exec \"$0\" \"$@\""])
        .arg(this)
        .args(arguments)
        .envs(variables.iter().copied())
        .current_dir(root())
        .status();
    match status {
        Ok(status) if status.success() => Ok(()),
        Ok(_) => Err("see above; if it says nothing, root or unprivileged user namespaces are needed".to_owned()),
        Err(error) => Err(format!("unshare cannot be started (apt-get install -y util-linux): {error}")),
    }
}

/// Runs a line of shell; what it said is the error.
pub(crate) fn shell(line: &str) -> Result<(), String> {
    let output = Command::new("sh").args(["-c", line]).output().map_err(|error| error.to_string())?;
    if output.status.success() { Ok(()) } else { Err(format!("{line}: {}", String::from_utf8_lossy(&output.stderr))) }
}

/// Runs a command with this input.
pub(crate) fn feed(line: &str, input: &str) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{line}: {error}");
    let mut child = Command::new("sh").args(["-c", line]).stdin(Stdio::piped()).spawn().map_err(failed)?;
    child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes())).map_err(failed)?;
    let status = child.wait().map_err(failed)?;
    if status.success() { Ok(()) } else { Err(format!("{line} failed")) }
}

/// The interface, once it has a carrier.
pub(crate) fn usable(name: &str) -> Result<Interface, String> {
    for _ in 0..200 {
        let found = interfaces().map_err(|error| error.to_string())?.into_iter().find(|found| found.name == name);
        if let Some(found) = found.filter(|found| found.usable().is_ok()) {
            return Ok(found);
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err(format!("{name} does not come up"))
}
