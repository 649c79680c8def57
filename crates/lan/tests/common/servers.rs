//! Real DHCP servers: dnsmasq, ISC dhcpd, Kea and udhcpd, each with the configuration that a test gives it.

use std::thread;
use std::time::Duration;

use super::{Bridge, program, run};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Server {
    Dnsmasq,
    Isc,
    Kea,
    Udhcpd,
}

impl Server {
    /// Where it keeps its leases; a configuration of dnsmasq, Kea or udhcpd names this file.
    pub(crate) fn leases(self) -> String {
        format!("/run/{self:?}.leases")
    }

    /// Starts it on a host, with this configuration, and waits until it listens.
    pub(crate) fn start(self, lan: &mut Bridge, host: &str, text: &str) {
        self.start_of(lan, host, text, false);
    }

    /// As [`Server::start`], for IPv6; BusyBox has none.
    pub(crate) fn start_six(self, lan: &mut Bridge, host: &str, text: &str) {
        self.start_of(lan, host, text, true);
    }

    fn start_of(self, lan: &mut Bridge, host: &str, text: &str, six: bool) {
        let family = if six { 6 } else { 4 };
        let (config, leases) = (format!("/run/{self:?}.conf"), self.leases());
        let line = match self {
            Self::Dnsmasq => {
                format!("{} --keep-in-foreground --conf-file={config} --log-facility=-", program("dnsmasq"))
            }
            Self::Isc => {
                format!("{} -{family} -f -d -cf {config} -lf {leases} -pf /run/dhcpd.pid eth0", program("dhcpd"))
            }
            Self::Kea => format!(
                "env KEA_PIDFILE_DIR=/run KEA_LOCKFILE_DIR=none KEA_DHCP_DATA_DIR=/run {} -c {config}",
                program(if six { "kea-dhcp6" } else { "kea-dhcp4" })
            ),
            // It looks for squatters one client after the other, and with its own two seconds for each.
            Self::Udhcpd => format!("{} udhcpd -f -a 200 {config}", program("busybox")),
        };
        std::fs::write(&config, text).unwrap();
        if self != Self::Kea {
            std::fs::write(&leases, "").unwrap();
        }
        lan.start(host, &format!("{line} > /run/{self:?}.log 2>&1"));
        // Each of them has a socket on the servers' port when it is ready.
        let port = if six { 547 } else { 67 };
        for _ in 0..200 {
            if run(&format!("ip netns exec {host} ss -Huln 'sport = :{port}'")).contains(&format!(":{port}")) {
                thread::sleep(Duration::from_millis(300));
                return;
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("{self:?} does not start: {}", run(&format!("cat /run/{self:?}.log")));
    }
}
