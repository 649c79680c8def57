//! dnsmasq: its configuration files, which many routers have inside.
//!
//! ## What it reads
//!
//! `dnsmasq.conf` and what it takes in, where that is given with it: `conf-file`; `conf-dir` with dnsmasq's own rule of endings (`*.conf`
//! is wanted, `.bak` is not, `~`, `.…` and `#…#` never are); `dhcp-hostsfile`, `dhcp-hostsdir`, `dhcp-optsfile`, `dhcp-optsdir` and
//! `read-ethers`. Of them `dhcp-range`, `dhcp-host`, `dhcp-relay`, and `dhcp-option` for routers and DNS servers; an option for a tag is
//! of the networks that set the tag. Networks of one `shared-network`, where it is written with two addresses, are one segment. Options
//! may begin with `--`.
//!
//! A range's ends may be the wrong way round, as dnsmasq allows. `static` and `proxy` ranges lease nothing of their own, and of IPv6
//! neither do those with `ra-stateless`, nor those without a second address. A netmask, where one is written, gives the subnet, and of
//! IPv6 the prefix length, which is 64 unless written. Addresses that end in .0 and .255 are kept in the range, although dnsmasq
//! leases them only outside class C networks; so is a range that is `deprecated`, where leases end but none begin. What
//! dnsmasq refuses is an error with its place.
//!
//! ## How to get it
//!
//! Copy `/etc/dnsmasq.conf` and the files below `/etc/dnsmasq.d/`, then
//! `poolcheck router read --adapter dnsmasq dnsmasq.conf dnsmasq.d/*`.
//!
//! ## What it cannot know
//!
//! Files that are named and not given: the facts are then *partial*, or without reservations, and say so. What a `conf-script` prints.
//! The prefix behind `constructor:` of an IPv6 range, which is the interface's own of the day. Addresses of a `dhcp-host` that has only
//! a name, which dnsmasq looks up in `/etc/hosts`. What stands on dnsmasq's command line.

use poolcheck_plan::{Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Input, Page};
use crate::dnsmasq_conf::{Conf, options};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "dnsmasq",
    title: "dnsmasq, its configuration files",
    tested_on: "dnsmasq 2.90, which leased what this had read, IPv4 and IPv6; written fixtures, by its manual and source",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In dnsmasq's configuration: change `dhcp-range`, then restart dnsmasq.";

fn recognise(page: &Page<'_>) -> bool {
    let own = |key: &str| {
        key.starts_with("dhcp-")
            || matches!(key, "domain-needed" | "bogus-priv" | "conf-dir" | "enable-ra" | "expand-hosts")
    };
    let uci = page.text.lines().any(|line| line.trim_start().starts_with("config "));
    // dnsmasq has no lines that go on: where there are some, `dhcp-option=` is part of another program's command.
    let goes_on = page.text.lines().any(|line| !line.trim_start().starts_with('#') && line.trim_end().ends_with('\\'));
    options(page.text).any(|(key, _)| own(key)) && !uci && !goes_on && !page.text.contains("[dhcp]")
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let files: Vec<Said<'_>> = input.pages.iter().map(|page| Said::new(page, page.text.to_owned(), sources)).collect();
    let names: Vec<&str> = input.pages.iter().map(|page| page.name).collect();
    let mut conf = Conf::new(&files, &names);
    conf.files(&(0..files.len()).collect::<Vec<_>>())?;
    let (segments, gaps) = conf.segments()?;
    let title = names.first().copied().unwrap_or("dnsmasq");
    Ok(Facts { gaps, ..said::facts("dnsmasq", title, HOW_TO_SHRINK, segments) })
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::facts::{Completeness, DhcpState, Segment};

    use super::*;

    const MAIN: &str = include_str!("fixtures/dnsmasq/whole/dnsmasq.conf");
    const LAN: &str = include_str!("fixtures/dnsmasq/whole/dnsmasq.d/10-lan.conf");
    const SIX: &str = include_str!("fixtures/dnsmasq/whole/dnsmasq.d/20-six.conf");
    const OLD: &str = include_str!("fixtures/dnsmasq/whole/dnsmasq.d/10-lan.conf.bak");
    const HOSTS: &str = include_str!("fixtures/dnsmasq/whole/hosts.dhcp");
    const ETHERS: &str = include_str!("fixtures/dnsmasq/whole/ethers");
    const OPTIONS: &str = include_str!("fixtures/dnsmasq/whole/options.dhcp");

    fn files(texts: &[(&str, &str)]) -> Result<(Facts, Sources), AdapterError> {
        let pages: Vec<Page<'_>> = texts.iter().map(|(name, text)| Page { name, text }).collect();
        let mut sources = Sources::new();
        Ok((parse(&Input { pages: &pages, read_at: None }, &mut sources)?, sources))
    }

    fn leased(segment: &Segment) -> Vec<String> {
        segment.dhcp.iter().flat_map(|server| &server.ranges).map(|range| range.value.to_string()).collect()
    }

    fn kept(segment: &Segment) -> Vec<String> {
        segment.dhcp.iter().flat_map(|server| &server.reservations).map(|host| host.value.address.to_string()).collect()
    }

    /// All files of one machine, as they were copied.
    const WHOLE: [(&str, &str); 7] = [
        ("etc/dnsmasq.conf", MAIN),
        ("etc/dnsmasq.d/20-six.conf", SIX),
        ("etc/dnsmasq.d/10-lan.conf", LAN),
        ("etc/dnsmasq.d/10-lan.conf.bak", OLD),
        ("etc/hosts.dhcp", HOSTS),
        ("etc/ethers", ETHERS),
        ("etc/options.dhcp", OPTIONS),
    ];

    #[test]
    fn networks_that_share_a_wire_are_one_segment() {
        let two =
            "dhcp-range=192.0.2.10,192.0.2.19,255.255.255.0\ndhcp-range=198.51.100.10,198.51.100.19,255.255.255.0\n";
        let nets = |more: &str| -> Vec<Vec<String>> {
            let facts = read(&format!("{two}{more}"));
            let of = |list: &[poolcheck_plan::facts::Sourced<ipnet::IpNet>]| {
                list.iter().map(|net| net.value.to_string()).collect()
            };
            facts.segments.iter().map(|segment| of(&segment.subnets)).collect()
        };
        let apart = [vec!["192.0.2.0/24".to_owned()], vec!["198.51.100.0/24".to_owned()]];
        assert_eq!(nets(""), apart);
        assert_eq!(nets("shared-network=192.0.2.1,198.51.100.1\n"), [["192.0.2.0/24", "198.51.100.0/24"]]);
        assert_eq!(nets("shared-network=198.51.100.1, 192.0.2.1\n"), [["198.51.100.0/24", "192.0.2.0/24"]]);
        for same in [
            "shared-network=eth0,198.51.100.1\n",
            "shared-network=192.0.2.1,192.0.2.2\n",
            "shared-network=10.0.0.1,192.0.2.1\n",
        ] {
            assert_eq!(nets(same), apart, "{same}");
        }
        let facts =
            read(&format!("{two}shared-network=192.0.2.1,198.51.100.1\ndhcp-host=00:00:5e:00:53:01,198.51.100.40\n"));
        let leased: usize = facts.segments[0].dhcp.iter().map(|server| server.ranges.len()).sum();
        let kept: usize = facts.segments[0].dhcp.iter().map(|server| server.reservations.len()).sum();
        assert_eq!((leased, kept), (2, 1));
    }

    #[test]
    fn a_whole_machine() {
        let (facts, sources) = files(&WHOLE).expect("it is read");
        assert!(facts.gaps.is_empty(), "{:?}", facts.gaps);
        let [lan, guests, six] = &facts.segments[..] else { panic!("{facts:?}") };
        assert_eq!(leased(lan), ["192.0.2.100-192.0.2.149", "192.0.2.160-192.0.2.169"], "not what is in the .bak");
        assert_eq!(leased(guests), ["198.51.100.10-198.51.100.99"]);
        assert_eq!(leased(six), ["2001:db8:1::100-2001:db8:1::1ff"]);
        assert_eq!(six.subnets[0].value.to_string(), "2001:db8:1::/64");
        // From a file of hosts, from ethers, and a host's part in the one network of IPv6.
        assert_eq!(kept(lan), ["192.0.2.20", "192.0.2.21"]);
        assert_eq!(kept(six), ["2001:db8:1::20", "2001:db8:1::53"]);
        let place = lan.dhcp[0].reservations[0].place;
        assert_eq!((sources.slice(place), sources.get(place.source).name.as_str()), ("192.0.2.20", "etc/hosts.dhcp"));
        let place = lan.dhcp[0].ranges[1].place;
        assert_eq!(sources.get(place.source).name, "etc/dnsmasq.d/10-lan.conf");
        // The option for a tag, instead of the one for all; options of a file come last.
        let gateways = |segment: &Segment| segment.gateways.iter().map(|g| g.value.to_string()).collect::<Vec<_>>();
        assert_eq!(
            (gateways(lan), gateways(guests)),
            (vec!["192.0.2.1".to_owned()], vec!["198.51.100.254".to_owned()])
        );
        let dns = |segment: &Segment| segment.dns.iter().map(|dns| dns.value.to_string()).collect::<Vec<_>>();
        assert_eq!((dns(lan), dns(six)), (vec!["192.0.2.53".to_owned()], vec!["2001:db8:1::53".to_owned()]));
        assert!(facts.segments.iter().all(|segment| segment.dhcp[0].completeness == Completeness::Full));
    }

    /// Copied beside each other the files say the same, but for what only the folder's rule of endings leaves out.
    #[test]
    fn files_without_their_folders() {
        let flat: Vec<(&str, &str)> =
            WHOLE.iter().map(|(name, text)| (name.rsplit('/').next().expect("a name"), *text)).collect();
        let flat: Vec<(&str, &str)> = flat.into_iter().filter(|(name, _)| *name != "10-lan.conf.bak").collect();
        let (apart, whole) = (files(&flat).expect("it is read").0, files(&WHOLE).expect("it is read").0);
        let said = |facts: &Facts| facts.segments.iter().map(|s| (leased(s), kept(s))).collect::<Vec<_>>();
        assert_eq!(said(&apart), said(&whole));
    }

    #[test]
    fn what_is_missing_is_told_with_its_place() {
        let (facts, sources) = files(&[WHOLE[0], WHOLE[5], WHOLE[6]]).expect("it is read");
        let [server] = &facts.segments[0].dhcp[..] else { panic!("{facts:?}") };
        assert_eq!((server.state.value, server.completeness), (DhcpState::Unknown, Completeness::Partial));
        let gaps: Vec<&str> = facts.gaps.iter().map(|gap| gap.value.as_str()).collect();
        assert_eq!(
            gaps,
            [
                "etc/dnsmasq.conf, line 3: `/etc/dnsmasq.d,*.conf` was not given with it: ranges may be missing",
                "etc/dnsmasq.conf, line 4: `/etc/hosts.dhcp` was not given with it: reservations may be missing"
            ]
        );
        assert_eq!(sources.slice(facts.gaps[1].place), "/etc/hosts.dhcp");
        // Without reservations the ranges are all there.
        let (facts, _) = files(&[WHOLE[0], WHOLE[1], WHOLE[2], WHOLE[5], WHOLE[6]]).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::RangeOnly);
        let (facts, _) = files(&WHOLE[..6]).expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Full);
        assert_eq!(facts.segments[0].gateways[0].confidence, poolcheck_plan::Confidence::Medium, "{facts:?}");
        let script = read("dhcp-range=10.0.0.2,10.0.0.9\nconf-script=/usr/local/bin/more\n");
        assert_eq!(script.segments[0].dhcp[0].completeness, Completeness::Partial);
        let name = read("dhcp-range=10.0.0.2,10.0.0.9\ndhcp-host=nas\n");
        assert_eq!(name.segments[0].dhcp[0].completeness, Completeness::RangeOnly);
        let name = read("no-hosts\ndhcp-range=10.0.0.2,10.0.0.9\ndhcp-host=nas\n");
        assert_eq!(name.segments[0].dhcp[0].completeness, Completeness::Full);
    }

    /// dnsmasq's rule for a folder, ending by ending.
    #[test]
    fn which_files_of_a_folder_count() {
        let range = "dhcp-range=10.0.0.2,10.0.0.9\n";
        let counts = |option: &str, name: &str| {
            let path = format!("x/{name}");
            let main = format!("bogus-priv\nconf-dir={option}\n");
            let (facts, _) = files(&[("dnsmasq.conf", &main), (&path, range)]).expect("it is read");
            !facts.segments[0].dhcp[0].ranges.is_empty()
        };
        assert!(counts("/etc/x", "lan") && counts("/etc/x/", "lan.conf") && counts("\"/etc/x\"", "lan.conf"));
        for name in [".lan", "lan.conf~", "#lan#"] {
            assert!(!counts("/etc/x", name), "{name}");
        }
        assert!(counts("/etc/x,*.conf", "lan.conf") && !counts("/etc/x,*.conf", "lan.cfg"));
        assert!(!counts("/etc/x,*.conf", ".conf") && !counts("/etc/x,*conf", "conf"), "the ending alone is no name");
        assert!(counts("/etc/x,*.conf,*.cfg", "lan.cfg"));
        assert!(!counts("/etc/x,.bak,.old", "lan.old") && counts("/etc/x,.bak,.old", "lan.conf"));
        assert!(!counts("/etc/x,*.conf,-old.conf", "lan-old.conf"), "both hold");
    }

    /// A file is read where it is named, and once; one that names itself is no way to stay forever.
    #[test]
    fn files_that_name_each_other() {
        let (facts, _) = files(&[
            ("a.conf", "conf-file=/etc/b.conf\ndhcp-option=3,10.0.0.1\nconf-file=/etc/b.conf\n"),
            ("b.conf", "dhcp-range=10.0.0.2,10.0.0.9\nconf-file=a.conf\ndhcp-option=3,10.0.0.2\n"),
        ])
        .expect("it is read");
        assert_eq!(leased(&facts.segments[0]), ["10.0.0.2-10.0.0.9"]);
        assert_eq!(facts.segments[0].gateways[0].value.to_string(), "10.0.0.1", "what is written last holds");
        // Another file of the same name is not this one.
        let (facts, _) = files(&[("dnsmasq.conf", "dhcp-range=10.0.0.2,10.0.0.9\nconf-file=/srv/dnsmasq.conf\n")])
            .expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
    }

    /// What an editor puts before the first line hides nothing of it.
    #[test]
    fn a_mark_before_the_first_line() {
        let text = "\u{feff}dhcp-range=192.0.2.10,192.0.2.20\r\n";
        let page = Page { name: "dnsmasq.conf", text };
        assert!(ADAPTER.recognises(&page));
        let facts = ADAPTER.parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read");
        assert_eq!(leased(&facts.segments[0]), ["192.0.2.10-192.0.2.20"]);
    }

    #[test]
    fn modes_of_six() {
        let state = |text: &str| {
            let facts = read(&format!("dhcp-range={text}\n"));
            let server = &facts.segments[0].dhcp[0];
            (server.state.value, server.completeness, leased(&facts.segments[0]).join(" "))
        };
        let (on, off, fixed) = (DhcpState::On, DhcpState::Off, DhcpState::StaticOnly);
        let range = || "fd00::100-fd00::1ff".to_owned();
        for text in [
            "fd00::100,fd00::1ff",
            "fd00::1ff,fd00::100,slaac,ra-names,64,12h",
            "fd00::100,fd00::1ff,off-link,infinite",
        ] {
            assert_eq!(state(text), (on, Completeness::Full, range()), "{text}");
        }
        assert_eq!(state("fd00::100,fd00::1ff,deprecated"), (on, Completeness::Full, range()), "leases end by and by");
        assert_eq!(state("::100,::1ff,constructor:eth0"), (on, Completeness::Partial, String::new()));
        for text in
            ["fd00::,ra-only", "fd00::,slaac", "fd00::,ra-names,slaac,64", "::,constructor:eth0,ra-only", "fd00::1,64"]
        {
            assert_eq!(state(text), (off, Completeness::Full, String::new()), "{text}");
        }
        for text in ["fd00::,static", "fd00::,ra-stateless", "fd00::1,fd00::ff,ra-stateless", "::,static"] {
            assert_eq!(state(text), (fixed, Completeness::Full, String::new()), "{text}");
        }
        let subnets = |text: &str| {
            let facts = read(&format!("dhcp-range={text}\n"));
            facts.segments[0].subnets.iter().map(|net| (net.value.to_string(), net.confidence)).collect::<Vec<_>>()
        };
        let net = "fd00::/64".to_owned();
        assert_eq!(subnets("fd00::1,fd00::9"), [(net.clone(), poolcheck_plan::Confidence::Medium)]);
        assert_eq!(subnets("fd00::1,fd00::9,64"), [(net, poolcheck_plan::Confidence::High)]);
        assert!(subnets("fd00::1,fd00::9,80").is_empty(), "it may be longer than the network's own");
        // What one line leases another does not take away.
        assert_eq!(read("dhcp-range=fd00::1,fd00::9\ndhcp-range=fd00::,ra-only\n").segments[0].dhcp[0].state.value, on);
        let part = read("dhcp-range=::1,::9,constructor:eth0\ndhcp-host=nas,[::50]\n");
        assert!(kept(&part.segments[0]).is_empty());
        let families = read(
            "dhcp-range=10.0.0.2,10.0.0.9\ndhcp-range=::1,::9,constructor:e\ndhcp-range=fd00::1,fd00::9,80\ndhcp-host=a,10.0.0.1,[fd00::50]\n",
        );
        assert_eq!(families.segments.iter().map(kept).collect::<Vec<_>>(), [["10.0.0.1"], ["fd00::50"]]);
    }

    #[test]
    fn tags_and_relays() {
        let facts = read(
            "dhcp-range=set:a,tag:x,10.0.0.2,10.0.0.9,255.255.255.0\ndhcp-range=set:b,10.1.0.2,10.1.0.9,255.255.255.0\n\
             dhcp-option=tag:a,tag:!b,3,10.0.0.1\ndhcp-option=tag:phone,3,10.0.0.3\ndhcp-option=option:router,10.1.0.1\n\
             dhcp-option=vendor:MSFT,6,10.0.0.4\ndhcp-option=encap:175,6,10.0.0.5\n",
        );
        let gateways: Vec<Vec<String>> =
            facts.segments.iter().map(|s| s.gateways.iter().map(|g| g.value.to_string()).collect()).collect();
        assert_eq!(gateways, [["10.0.0.1"], ["10.1.0.1"]]);
        assert!(facts.segments.iter().all(|segment| segment.dns.is_empty()));
        let relay = read("dhcp-relay=192.168.1.1,192.168.2.1\n");
        assert_eq!(relay.segments[0].dhcp[0].state.value, DhcpState::Relay);
    }

    /// Without a netmask the network is the interface's own, which the file does not say.
    #[test]
    fn networks_that_are_not_written_are_told_apart_by_their_routers() {
        let text = "dhcp-range=set:lan,192.0.2.10,192.0.2.99\ndhcp-option=tag:lan,3,192.0.2.1\n\
                    dhcp-range=set:iot,198.51.100.10,198.51.100.99\ndhcp-option=tag:iot,3,198.51.100.1\n\
                    dhcp-range=set:lan,192.0.2.200,192.0.2.209\n";
        let facts = files(&[("dnsmasq.conf", text)]).expect("it is read").0;
        let [lan, iot] = &facts.segments[..] else { panic!("{facts:?}") };
        assert_eq!(leased(lan), ["192.0.2.10-192.0.2.99", "192.0.2.200-192.0.2.209"]);
        assert_eq!(leased(iot), ["198.51.100.10-198.51.100.99"]);
        let routers: Vec<String> = [lan, iot].iter().map(|own| own.gateways[0].value.to_string()).collect();
        assert_eq!((routers, lan.gateways.len()), (vec!["192.0.2.1".to_owned(), "198.51.100.1".to_owned()], 1));
    }

    #[test]
    fn fields_may_have_quotes() {
        let text = "dhcp-range=198.51.100.10,198.51.100.99,255.255.255.0\n\
                    dhcp-host=00:00:5e:00:53:02,\"198.51.100.5\",\"nas\"\n";
        let facts = files(&[("dnsmasq.conf", text)]).expect("it is read").0;
        assert_eq!(kept(&facts.segments[0]), ["198.51.100.5"]);
        assert_eq!(facts.segments[0].dhcp[0].reservations[0].value.owner(), "nas (00:00:5e:00:53:02)");
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused() {
        for value in [
            "lan,12h",
            "192.168.0.50",
            "192.168.0.50,12h",
            "beef,192.168.0.50,192.168.0.60",
            "set:a,set:b,192.168.0.50,192.168.0.60",
            "192.168.0.50,192.168.1.60,255.255.255.0",
            "192.168.0.50,192.168.0.60,255.255.255.0,12h,13h",
            "192.168.0.50,192.168.0.60,soon",
            "fd00::1",
            "fd00::1,fd00::9,56",
            "fd00::1,fd00::9,80,slaac",
            "fd00::1,fd00::9,slaac,80",
            "fd00::1,fd00:0:0:1::9",
            "fd00::1,fd00::9,constructor:eth0",
            "",
        ] {
            let text = format!("dhcp-range={value}\n");
            let mut sources = Sources::new();
            let page = Page { name: "d.conf", text: &text };
            let error = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect_err(value);
            let place = error.complaints[0].labels[0].0;
            assert_eq!(sources.slice(place), if value.is_empty() { "dhcp-range" } else { value });
        }
    }

    fn read(text: &str) -> Facts {
        let page = Page { name: "dnsmasq.conf", text };
        assert!(recognise(&page), "{text}");
        parse(&Input { pages: &[page], read_at: None }, &mut Sources::new()).expect("it is read")
    }

    fn ranges(text: &str) -> Vec<String> {
        let facts = read(text);
        facts.segments.iter().flat_map(|s| &s.dhcp).flat_map(|d| &d.ranges).map(|r| r.value.to_string()).collect()
    }

    #[test]
    fn ranges_in_all_forms() {
        assert_eq!(ranges("dhcp-range=192.168.0.50,192.168.0.150,12h\n"), ["192.168.0.50-192.168.0.150"]);
        assert_eq!(
            ranges("--dhcp-range=set:red,tag:blue,10.0.0.9,10.0.0.2,255.255.255.0,1d # swapped\n"),
            ["10.0.0.2-10.0.0.9"]
        );
        assert_eq!(ranges("dhcp-range=lan,10.0.0.2,10.0.0.9\n"), ["10.0.0.2-10.0.0.9"]);
        assert_eq!(ranges("dhcp-range=1234::2, 1234::500, 64, 12h\n"), ["1234::2-1234::500"]);
        assert_eq!(ranges("dhcp-range=::1,::400,constructor:eth0\n"), [""; 0]);
        assert_eq!(ranges("dhcp-range=192.168.0.0,static\n"), [""; 0]);
    }

    #[test]
    fn what_else_is_said() {
        let facts = read(
            "dhcp-range=192.168.7.100,192.168.7.199,255.255.255.0,12h\ndhcp-host=aa:bb:cc:00:00:01,192.168.7.20,nas\ndhcp-host=aa:bb:cc:00:00:02,10.0.0.1\ndhcp-option=3,192.168.7.1\ndhcp-option=option:dns-server,192.168.7.2,0.0.0.0\n",
        );
        let segment = &facts.segments[0];
        assert_eq!(segment.subnets[0].value.to_string(), "192.168.7.0/24");
        assert_eq!(segment.gateways[0].value.to_string(), "192.168.7.1");
        assert_eq!(segment.dns.len(), 1);
        let server = &segment.dhcp[0];
        assert_eq!(server.lease_seconds.as_ref().map(|lease| lease.value), Some(43_200));
        let hosts: Vec<String> = server.reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(hosts, ["nas (aa:bb:cc:00:00:01)"]);
        assert_eq!(server.completeness, Completeness::Full);
    }

    #[test]
    fn a_fact_points_at_its_bytes() {
        let text = "# lan\ndhcp-range=set:x,192.168.0.50,192.168.0.150,12h\n";
        let page = Page { name: "d.conf", text };
        let mut sources = Sources::new();
        let facts = parse(&Input { pages: &[page], read_at: None }, &mut sources).expect("it is read");
        assert_eq!(sources.slice(facts.segments[0].dhcp[0].ranges[0].place), "192.168.0.50,192.168.0.150");
    }

    #[test]
    fn what_is_not_given_is_not_known() {
        let facts = read("dhcp-range=10.0.0.2,10.0.0.9\nconf-dir=/etc/dnsmasq.d/,*.conf\n");
        assert_eq!(facts.segments[0].dhcp[0].completeness, Completeness::Partial);
        assert_eq!(read("domain-needed\n").segments[0].dhcp[0].state.value, DhcpState::Off);
        assert_eq!(read("bogus-priv\nconf-file=/etc/more.conf\n").segments[0].dhcp[0].state.value, DhcpState::Unknown);
    }
}
