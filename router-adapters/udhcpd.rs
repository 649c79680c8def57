//! udhcpd, the DHCP server of BusyBox: `udhcpd.conf`.
//!
//! ## What it reads
//!
//! `start` and `end`, `static_lease MAC ADDRESS [NAME]`, and `option` (or `opt`) `subnet`, `router`, `dns` and `lease`. Comments begin
//! with `#`.
//!
//! What is not set is udhcpd's own default: .20 to .254 of 192.168.0.0/24. It holds when a file without `start` or `end` is used,
//! so the range is then told, and is less sure. Addresses that end in .0 and .255 are kept in the range, although udhcpd skips them.
//!
//! ## How to get it
//!
//! Copy `/etc/udhcpd.conf`, then `poolcheck router read udhcpd.conf`.
//!
//! ## What it cannot know
//!
//! The subnet without `option subnet`. What a router's firmware writes into the file when it starts: read that one, often
//! `/tmp/udhcpd.conf` or `/var/udhcpd.conf`, from the running router.

use std::net::{IpAddr, Ipv4Addr};

use poolcheck_plan::facts::{DhcpState, Reservation, Segment, Sourced};
use poolcheck_plan::{AddrRange, Facts, Sources};

use crate::adapter::{Adapter, AdapterError, Complaint, Input, Page};
use crate::said::{self, Said};

pub(crate) const ADAPTER: Adapter = Adapter {
    id: "udhcpd",
    title: "udhcpd (BusyBox), udhcpd.conf",
    tested_on: "BusyBox 1.35, which leased what this had read",
    how_to_shrink: Some(HOW_TO_SHRINK),
    recognise,
    parse,
};

const HOW_TO_SHRINK: &str = "In udhcpd.conf: change `start` and `end`, then restart udhcpd.";

/// The words of the lines that say something. udhcpd reads its keywords in capitals, too, and a `=` or `:` behind the name of an option.
fn lines(text: &str) -> impl Iterator<Item = Vec<&str>> {
    const KEYWORDS: [&str; 10] =
        ["start", "end", "static_lease", "option", "opt", "subnet", "router", "dns", "lease", "interface"];
    text.lines().filter_map(|line| {
        let line = &line[..line.find('#').unwrap_or(line.len())];
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let ["option" | "opt", value, ..] = words[..]
            && let Some((name, value)) = value.split_once(['=', ':'])
        {
            words.splice(1..2, [name, value].into_iter().filter(|word| !word.is_empty()));
        }
        for word in words.iter_mut().take(2) {
            *word = KEYWORDS.into_iter().find(|keyword| keyword.eq_ignore_ascii_case(word)).unwrap_or(word);
        }
        (words.len() > 1).then_some(words)
    })
}

fn recognise(page: &Page<'_>) -> bool {
    let own = |words: Vec<&str>| match words[..] {
        ["start" | "end", address] => address.parse::<Ipv4Addr>().is_ok(),
        ["static_lease", mac, ..] => said::mac(mac).is_some(),
        ["option" | "opt", "subnet", mask] => mask.parse::<Ipv4Addr>().is_ok(),
        _ => false,
    };
    // Other formats have the same words in blocks.
    !page.text.contains('{') && lines(page.text).any(own)
}

fn parse(input: &Input<'_>, sources: &mut Sources) -> Result<Facts, AdapterError> {
    let [page] = input.pages else {
        return Err(Complaint::whole("udhcpd reads one file").help("read one file at a time").into());
    };
    let file = Said::new(page, page.text.to_owned(), sources);
    let (mut start, mut end, mut mask, mut lease) = (None, None, None, None);
    let (mut gateways, mut dns, mut reservations) = (Vec::new(), Vec::new(), Vec::new());
    for words in lines(file.text) {
        match words[..] {
            // What stands behind the address makes it none, and udhcpd would go on with its own.
            ["start" | "end", _, more, ..] => return Err(no_address(&file, more)),
            ["start", text] => start = Some((address(&file, text)?, text)),
            ["end", text] => end = Some((address(&file, text)?, text)),
            ["static_lease", mac, text, ..] => {
                let name = words.get(3).map(|name| (*name).to_owned());
                let address = IpAddr::V4(address(&file, text)?);
                reservations.push(file.surely(Reservation { address, mac: said::mac(mac), name }, text));
            }
            ["option" | "opt", "subnet", text] => mask = text.parse::<Ipv4Addr>().ok().map(|mask| (mask, text)),
            ["option" | "opt", "lease", text] => lease = text.parse::<u64>().ok().map(|lease| file.surely(lease, text)),
            ["option" | "opt", "router", ..] => gateways.extend(addresses(&file, &words[2..])),
            ["option" | "opt", "dns", ..] => dns.extend(addresses(&file, &words[2..])),
            _ => {}
        }
    }
    let Some(first_line) = file.text.lines().find(|line| !line.trim().is_empty()) else {
        let message = format!("{} is empty", page.name);
        return Err(Complaint::whole(message).help("is it the right file?").into());
    };
    let place = match (start, end) {
        (Some((_, from)), Some((_, to))) => said::from_to(file.text, from, to),
        (Some((_, part)), None) | (None, Some((_, part))) => part,
        (None, None) => first_line,
    };
    let first = start.map_or(Ipv4Addr::new(192, 168, 0, 20), |(address, _)| address);
    let last = end.map_or(Ipv4Addr::new(192, 168, 0, 254), |(address, _)| address);
    let Some(range) = AddrRange::new(first.into(), last.into()) else {
        let message = format!("udhcpd does not start with a range from {first} to {last}");
        let mut complaint = Complaint::at(file.span(place), "the end is before the start", message);
        if let (Some((_, from)), Some((_, to))) = (start, end) {
            complaint = Complaint::at(file.span(from), "it starts here", complaint.message)
                .related(file.span(to), "and ends before");
        }
        return Err(complaint.help("exchange the two").into());
    };
    let mut server = file.server(DhcpState::On, place);
    let both = start.is_some() && end.is_some();
    server.ranges.push(if both { file.surely(range, place) } else { file.probably(range, place) });
    server.reservations = reservations;
    server.lease_seconds = lease;
    let subnet = mask.and_then(|(mask, text)| Some(file.surely(said::network(first, mask)?, text)));
    let segment =
        Segment { subnets: subnet.into_iter().collect(), gateways, dns, dhcp: vec![server], ..Segment::default() };
    Ok(said::facts("udhcpd", page.name, HOW_TO_SHRINK, vec![segment]))
}

fn address(file: &Said<'_>, text: &str) -> Result<Ipv4Addr, AdapterError> {
    text.parse().map_err(|_| no_address(file, text))
}

fn no_address(file: &Said<'_>, text: &str) -> AdapterError {
    let message = format!("`{text}` is no IPv4 address");
    Complaint::at(file.span(text), "no address", message).help("udhcpd writes start 192.168.0.20").into()
}

fn addresses(file: &Said<'_>, words: &[&str]) -> Vec<Sourced<IpAddr>> {
    let parts = words.iter().flat_map(|word| word.split(','));
    parts.filter_map(|part| Some(file.surely(part.parse().ok()?, part))).collect()
}

#[cfg(test)]
mod tests {
    use poolcheck_plan::Confidence;

    use super::*;

    const CONF: &str = include_str!("fixtures/udhcpd/udhcpd.conf");

    fn read(text: &str) -> Result<(Facts, Sources), AdapterError> {
        let mut sources = Sources::new();
        let page = Page { name: "udhcpd.conf", text };
        Ok((parse(&Input { pages: &[page], read_at: None }, &mut sources)?, sources))
    }

    #[test]
    fn a_file_with_all_of_it() {
        let (facts, sources) = read(CONF).expect("it is read");
        let segment = &facts.segments[0];
        let range = &segment.dhcp[0].ranges[0];
        assert_eq!((range.value.to_string().as_str(), range.confidence), ("192.0.2.20-192.0.2.99", Confidence::High));
        assert_eq!(sources.slice(range.place), "192.0.2.20 # the first one\nend\t\t192.0.2.99");
        assert_eq!(segment.subnets[0].value.to_string(), "192.0.2.0/24");
        assert_eq!((segment.gateways.len(), segment.dns.len()), (1, 2));
        let owners: Vec<String> = segment.dhcp[0].reservations.iter().map(|host| host.value.owner()).collect();
        assert_eq!(owners, ["00:00:5e:00:53:01", "nas (00:00:5e:00:53:02)"]);
        assert_eq!(segment.dhcp[0].lease_seconds.as_ref().map(|lease| lease.value), Some(864_000));
    }

    #[test]
    fn keywords_in_capitals_and_options_with_a_sign() {
        let text = "START 192.0.2.20\r\nEnd\t192.0.2.99\r\nOPTION Subnet 255.255.255.0\r\nopt router=192.0.2.1\r\nopt dns:192.0.2.53 192.0.2.54\r\n";
        let (facts, sources) = read(text).expect("it is read");
        let segment = &facts.segments[0];
        let range = &segment.dhcp[0].ranges[0];
        assert_eq!((range.value.to_string().as_str(), range.confidence), ("192.0.2.20-192.0.2.99", Confidence::High));
        assert_eq!(sources.slice(range.place), "192.0.2.20\r\nEnd\t192.0.2.99");
        assert_eq!(segment.subnets[0].value.to_string(), "192.0.2.0/24");
        assert_eq!((segment.gateways[0].value.to_string().as_str(), segment.dns.len()), ("192.0.2.1", 2));
    }

    #[test]
    fn its_own_defaults_are_less_sure() {
        let (facts, _) = read("interface br0\nmax_leases 10\n").expect("it is read");
        let range = &facts.segments[0].dhcp[0].ranges[0];
        assert_eq!(
            (range.value.to_string().as_str(), range.confidence),
            ("192.168.0.20-192.168.0.254", Confidence::Medium)
        );
        assert!(facts.segments[0].subnets.is_empty());
        let (facts, _) = read("start 192.168.0.100\n").expect("it is read");
        assert_eq!(facts.segments[0].dhcp[0].ranges[0].value.to_string(), "192.168.0.100-192.168.0.254");
    }

    #[test]
    fn what_udhcpd_does_not_start_with_is_refused() {
        for text in [
            "start 10.0.0.9\nend 10.0.0.2\n",
            "start 10.0.0.1\n",
            "start here\n",
            "start 10.0.0.1 10.0.0.9\n",
            "static_lease 00:00:5e:00:53:01 here\n",
            "",
        ] {
            // 10.0.0.1 to 192.168.0.254 is what udhcpd would make of the second one.
            assert_eq!(read(text).is_ok(), text == "start 10.0.0.1\n", "{text}");
        }
    }
}
