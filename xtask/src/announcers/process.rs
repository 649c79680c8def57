//! All processes of one network namespace, as one machine's: signals reach them together, whatever started what.

use std::fs;

/// What is done to a machine's processes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Signal {
    /// Asked to end.
    Terminate,
    /// Ended.
    Kill,
    /// Frozen.
    Stop,
    /// Going on.
    Continue,
}

/// The processes in a namespace that `ip netns` made.
#[cfg(unix)]
pub(crate) fn of_namespace(name: &str) -> Result<Vec<i32>, String> {
    use std::os::unix::fs::MetadataExt as _;
    let namespace = fs::metadata(format!("/run/netns/{name}")).map_err(|error| format!("{name}: {error}"))?;
    let wanted = format!("net:[{}]", namespace.ino());
    let entries = fs::read_dir("/proc").map_err(|error| error.to_string())?;
    let processes = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let lives_there = |process: &i32| {
        fs::read_link(format!("/proc/{process}/ns/net")).is_ok_and(|link| link.as_os_str() == wanted.as_str())
    };
    Ok(processes.filter(lives_there).collect())
}

/// Signals them all, one right after the other.
#[cfg(unix)]
pub(crate) fn signal(processes: &[i32], signal: Signal) {
    use nix::sys::signal::{Signal as Number, kill};
    use nix::unistd::Pid;
    let number = match signal {
        Signal::Terminate => Number::SIGTERM,
        Signal::Kill => Number::SIGKILL,
        Signal::Stop => Number::SIGSTOP,
        Signal::Continue => Number::SIGCONT,
    };
    for process in processes {
        // One that has ended meanwhile needs no signal.
        let _ = kill(Pid::from_raw(*process), number);
    }
}

#[cfg(not(unix))]
pub(crate) fn of_namespace(_name: &str) -> Result<Vec<i32>, String> {
    Err("network namespaces are Linux'".to_owned())
}

#[cfg(not(unix))]
pub(crate) fn signal(_processes: &[i32], _signal: Signal) {}

/// Seconds of processor time that these processes have used, all their threads together.
pub(crate) fn cpu(processes: &[i32]) -> f64 {
    // Linux counts in hundredths here on every architecture (`USER_HZ`).
    const TICKS: f64 = 100.0;
    let used = |process: &i32| {
        let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<f64>().ok()? + fields.get(12)?.parse::<f64>().ok()?)
    };
    // Finer, where the scheduler tells: nanoseconds, thread by thread.
    let exact = |process: &i32| {
        let threads = fs::read_dir(format!("/proc/{process}/task")).ok()?;
        threads
            .filter_map(|thread| {
                let text = fs::read_to_string(thread.ok()?.path().join("schedstat")).ok()?;
                text.split_whitespace().next()?.parse::<f64>().ok()
            })
            .reduce(|sum, one| sum + one)
            .filter(|sum| *sum > 0.0)
    };
    let one = |process: &i32| exact(process).map(|nanos| nanos / 1e9).or_else(|| Some(used(process)? / TICKS));
    processes.iter().filter_map(one).sum()
}

/// Their resident memory in KiB. What they have in common is counted once: processes of one program share its text.
pub(crate) fn memory(processes: &[i32]) -> u64 {
    let line = |text: &str, key: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(key))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    };
    let parts = |process: &i32| {
        let text = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
        Some((line(&text, "RssAnon:")? + line(&text, "RssShmem:")?, line(&text, "RssFile:")?))
    };
    let parts: Vec<(u64, u64)> = processes.iter().filter_map(parts).collect();
    parts.iter().map(|(own, _)| own).sum::<u64>() + parts.iter().map(|(_, text)| *text).max().unwrap_or_default()
}
