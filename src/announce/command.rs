//! Commands that the configuration names: run for a limited time, and ended with all that they started.

use std::os::unix::process::CommandExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// So often a running command is looked at.
const GLANCE: Duration = Duration::from_millis(10);

/// Runs a command (its program first) for this long at most; gives why it failed.
pub(super) fn run(command: &[String], limit: Duration) -> Option<String> {
    let (program, arguments) = command.split_first()?;
    let child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // What it starts is ended with it.
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => return Some(format!("it cannot be started: {error}")),
    };
    match within(&mut child, limit) {
        Ok(Some(status)) if status.success() => None,
        Ok(Some(status)) => Some(status.to_string()),
        Ok(None) => {
            // The group's number is the child's, which is not reaped yet, so it is nobody else's.
            if let Ok(group) = i32::try_from(child.id()) {
                // It may have ended this very moment.
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            drop(child.wait());
            Some(format!("it took longer than {} ms", limit.as_millis()))
        }
        Err(error) => Some(error.to_string()),
    }
}

fn within(child: &mut Child, limit: Duration) -> std::io::Result<Option<ExitStatus>> {
    let began = Instant::now();
    loop {
        match child.try_wait()? {
            Some(status) => return Ok(Some(status)),
            None if began.elapsed() >= limit => return Ok(None),
            None => thread::sleep(GLANCE),
        }
    }
}
