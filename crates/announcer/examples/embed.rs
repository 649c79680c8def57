//! Shares addresses with other machines on a segment, for as long as it runs: all of an announcer in one page.
//!
//! ```text
//! cargo run -p poolcheck-announcer --example embed -- eth0 n1 192.168.1.240 192.168.1.241
//! ```
//!
//! On every machine with another name, and the same secret in the environment variable `ANNOUNCER_KEY`. Needs Linux and
//! CAP_NET_RAW. End it with `q` and Enter: it hands its addresses over before it goes.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "it talks to whoever runs it")]

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::time::Duration;

    use poolcheck_announcer::{Announcer, Driver, Key, Port, Settings, Want};

    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [interface, node, addresses @ ..] = &arguments[..] else {
        return Err("write: embed INTERFACE NODE ADDRESS…".into());
    };
    let secret = std::env::var("ANNOUNCER_KEY").map_err(|_| "ANNOUNCER_KEY holds the secret of all nodes")?;
    // Random enough to be no incarnation that this node had before, and not to be guessed.
    let incarnation = std::hash::BuildHasher::hash_one(&std::hash::RandomState::new(), std::process::id());

    let settings = Settings::new(node, "embed", Key::new(secret.as_bytes())?, incarnation);
    let mut driver = Driver::open(settings, Port::named(interface))?;
    let wants: Result<Vec<Want>, _> = addresses.iter().map(|text| text.parse().map(Want::new)).collect();
    driver.set_wants(&wants?)?;

    // Whatever else a program does goes on elsewhere, and ends a turn when it has something to say.
    let (said, heard) = std::sync::mpsc::channel();
    let waker = driver.waker();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if line.trim() == "q" {
                if said.send(()).is_err() {
                    return;
                }
                waker.wake();
            }
        }
    });
    while !driver.has_left() {
        driver.turn(Duration::from_secs(1))?;
        while let Some(event) = driver.poll_event() {
            println!("{:10.3} {}", event.at.as_secs_f64(), event.what);
        }
        if heard.try_recv().is_ok() {
            driver.with(Announcer::drain);
        }
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    eprintln!("the driver knows Linux only; elsewhere drive `Announcer` on a `poolcheck_lan::link`");
}
