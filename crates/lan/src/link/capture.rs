//! Frames to a file and back: classic pcap with nanoseconds and Ethernet headers, which Wireshark and tcpdump read.
//!
//! Reading takes both byte orders, microseconds and nanoseconds, and never believes a length: a record of more than
//! 256 KiB is an error, not an allocation.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Filter, Link, Received};
use crate::error::{Error, Result};
use crate::time::Timestamp;
use crate::wire::MacAddr;

const NANOSECONDS: u32 = 0xa1b2_3c4d;
const MICROSECONDS: u32 = 0xa1b2_c3d4;
const ETHERNET: u32 = 1;
const MAX_RECORD: usize = 256 << 10;

/// Writes a capture.
pub struct Writer<W> {
    out: W,
}

impl<W: Write> Writer<W> {
    /// Writes the file's header.
    pub fn new(mut out: W) -> Result<Self> {
        let mut header = Vec::with_capacity(24);
        header.extend_from_slice(&NANOSECONDS.to_le_bytes());
        header.extend_from_slice(&[2, 0, 4, 0]);
        header.extend_from_slice(&[0; 8]);
        header.extend_from_slice(&(MAX_RECORD as u32).to_le_bytes());
        header.extend_from_slice(&ETHERNET.to_le_bytes());
        out.write_all(&header).map_err(writing)?;
        Ok(Self { out })
    }

    /// Adds a frame seen at this time since 1970.
    pub fn frame(&mut self, at: Duration, frame: &[u8]) -> Result<()> {
        let frame = &frame[..frame.len().min(MAX_RECORD)];
        let mut record = Vec::with_capacity(16 + frame.len());
        record.extend_from_slice(&(at.as_secs() as u32).to_le_bytes());
        record.extend_from_slice(&at.subsec_nanos().to_le_bytes());
        let len = (frame.len() as u32).to_le_bytes();
        record.extend_from_slice(&len);
        record.extend_from_slice(&len);
        record.extend_from_slice(frame);
        self.out.write_all(&record).map_err(writing)
    }

    /// Writes what is buffered and gives the file back.
    pub fn finish(mut self) -> Result<W> {
        self.out.flush().map_err(writing)?;
        Ok(self.out)
    }
}

fn writing(source: io::Error) -> Error {
    Error::Io { what: "writing the capture", source }
}

/// Reads a capture: an iterator over (time since 1970, frame). After an error it ends.
pub struct Reader<R> {
    input: R,
    big_endian: bool,
    nanoseconds: bool,
    ended: bool,
}

impl<R: Read> Reader<R> {
    /// Reads the file's header.
    ///
    /// # Errors
    ///
    /// [`Error::Capture`] when it is not classic pcap with Ethernet frames (pcapng is not).
    pub fn new(mut input: R) -> Result<Self> {
        let mut header = [0; 24];
        input.read_exact(&mut header).map_err(reading)?;
        let magic = [header[0], header[1], header[2], header[3]];
        let (big_endian, nanoseconds) = match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
            (NANOSECONDS, _) => (false, true),
            (MICROSECONDS, _) => (false, false),
            (_, NANOSECONDS) => (true, true),
            (_, MICROSECONDS) => (true, false),
            _ => return Err(Error::Capture { reason: "it is not classic pcap" }),
        };
        let mut reader = Self { input, big_endian, nanoseconds, ended: false };
        if reader.number(&header, 20) & 0x0fff_ffff != ETHERNET {
            reader.ended = true;
            return Err(Error::Capture { reason: "its frames are not Ethernet" });
        }
        Ok(reader)
    }

    fn number(&self, bytes: &[u8], at: usize) -> u32 {
        let word = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
        if self.big_endian { u32::from_be_bytes(word) } else { u32::from_le_bytes(word) }
    }

    fn record(&mut self) -> Result<Option<(Duration, Vec<u8>)>> {
        let mut header = [0; 16];
        let read = self.input.read(&mut header).map_err(reading)?;
        if read == 0 {
            return Ok(None);
        }
        self.input.read_exact(&mut header[read..]).map_err(reading)?;
        let len = self.number(&header, 8) as usize;
        if len > MAX_RECORD {
            return Err(Error::Capture { reason: "a frame is impossibly long" });
        }
        let fraction = u64::from(self.number(&header, 4)) * if self.nanoseconds { 1 } else { 1000 };
        let at = Duration::from_secs(self.number(&header, 0).into()) + Duration::from_nanos(fraction);
        let mut frame = vec![0; len];
        self.input.read_exact(&mut frame).map_err(reading)?;
        Ok(Some((at, frame)))
    }
}

fn reading(source: io::Error) -> Error {
    match source.kind() {
        ErrorKind::UnexpectedEof => Error::Capture { reason: "it ends within a frame" },
        _ => Error::Io { what: "reading the capture", source },
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<(Duration, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let record = self.record().transpose();
        self.ended = !matches!(record, Some(Ok(_)));
        record
    }
}

/// A link that writes down all that leaves and arrives.
pub struct Recorder<L, W> {
    link: L,
    writer: Writer<W>,
    began: Duration,
}

impl<L: Link, W: Write> Recorder<L, W> {
    /// Records from now on. `wall_clock` is what the link's clock is matched with.
    pub fn new(link: L, out: W, wall_clock: SystemTime) -> Result<Self> {
        let since = Duration::from_nanos(link.now().as_nanos());
        let began = wall_clock.duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(since);
        Ok(Self { link, writer: Writer::new(out)?, began })
    }

    /// Ends the recording.
    pub fn finish(self) -> Result<(L, W)> {
        Ok((self.link, self.writer.finish()?))
    }

    fn wall(&self, at: Timestamp) -> Duration {
        self.began + Duration::from_nanos(at.as_nanos())
    }
}

impl<L: Link, W: Write> Link for Recorder<L, W> {
    fn mac(&self) -> MacAddr {
        self.link.mac()
    }

    fn mtu(&self) -> usize {
        self.link.mtu()
    }

    fn now(&self) -> Timestamp {
        self.link.now()
    }

    fn join(&mut self, group: MacAddr) -> Result<()> {
        self.link.join(group)
    }

    fn leave(&mut self, group: MacAddr) -> Result<()> {
        self.link.leave(group)
    }

    fn filter(&mut self, filter: &Filter) -> Result<()> {
        self.link.filter(filter)
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        let at = self.wall(self.link.now());
        let sent = self.link.send(frames)?;
        frames[..sent].iter().try_for_each(|frame| self.writer.frame(at, frame))?;
        Ok(sent)
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        let before = frames.len();
        self.link.receive(until, frames)?;
        for received in &frames[before..] {
            let at = self.wall(received.at);
            self.writer.frame(at, &received.frame)?;
        }
        Ok(())
    }
}

/// A link on which a recorded LAN speaks, in the recording's own time. What is sent is dropped.
pub struct Replay {
    mac: MacAddr,
    now: Timestamp,
    coming: VecDeque<Received>,
}

impl Replay {
    /// Reads all of a capture. Frames from `mac`, whose part the listener plays, are left out.
    pub fn new<R: Read>(reader: Reader<R>, mac: MacAddr) -> Result<Self> {
        let mut coming = VecDeque::new();
        let mut began = None;
        for record in reader {
            let (at, frame) = record?;
            let began = *began.get_or_insert(at);
            if frame.get(6..12) != Some(&mac.0[..]) {
                coming.push_back(Received { at: Timestamp::ZERO + at.saturating_sub(began), frame });
            }
        }
        Ok(Self { mac, now: Timestamp::ZERO, coming })
    }

    /// Whether everything has been replayed.
    pub fn is_over(&self) -> bool {
        self.coming.is_empty()
    }
}

impl Link for Replay {
    fn mac(&self) -> MacAddr {
        self.mac
    }

    fn mtu(&self) -> usize {
        1500
    }

    fn now(&self) -> Timestamp {
        self.now
    }

    fn join(&mut self, _group: MacAddr) -> Result<()> {
        Ok(())
    }

    fn send(&mut self, frames: &[Vec<u8>]) -> Result<usize> {
        Ok(frames.len())
    }

    fn receive(&mut self, until: Timestamp, frames: &mut Vec<Received>) -> Result<()> {
        while self.coming.front().is_some_and(|next| next.at <= until.max(self.now)) {
            if let Some(next) = self.coming.pop_front() {
                self.now = self.now.max(next.at);
                frames.push(next);
            }
        }
        if frames.is_empty() {
            self.now = self.now.max(until);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let mut writer = Writer::new(Vec::new()).unwrap();
        let frames = [(Duration::new(1_700_000_000, 5), vec![1, 2, 3]), (Duration::new(1_700_000_001, 999), vec![])];
        for (at, frame) in &frames {
            writer.frame(*at, frame).unwrap();
        }
        let bytes = writer.finish().unwrap();
        let read: Result<Vec<_>> = Reader::new(&bytes[..]).unwrap().collect();
        assert_eq!(read.unwrap(), frames);
        let cut: Vec<_> = Reader::new(&bytes[..bytes.len() - 20]).unwrap().collect();
        assert!(matches!(cut[..], [Err(Error::Capture { .. })]));
    }

    #[test]
    fn a_recorded_lan_speaks_again() {
        use crate::listen::Listener;
        use crate::scan::{Profile, Scanner, Settings, Targets};
        use crate::sim::{Conditions, Host, Lan};
        use crate::{Cancel, drive};
        use std::net::IpAddr;

        let (me, owner) = (MacAddr([2, 0x5c, 0, 0, 0, 1]), MacAddr([2, 2, 0, 0, 0, 1]));
        let address: IpAddr = [10, 0, 0, 9].into();
        let lan = Lan::new(1, Conditions::default());
        lan.add(Host::new(owner, [address]));
        let wall = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let mut recorder = Recorder::new(lan.attach(me), Vec::new(), wall).unwrap();
        let targets = Targets::new([poolcheck_plan::AddrRange::single(address)]).unwrap();
        let mut scanner = Scanner::new(me, targets, Settings::new(Profile::Fast, 1), 1).unwrap();
        drive(&mut scanner, &mut recorder, &Cancel::default(), drop).unwrap();
        let (_, file) = recorder.finish().unwrap();

        let recorded: Vec<_> = Reader::new(&file[..]).unwrap().map(Result::unwrap).collect();
        assert!(recorded[0].0 >= Duration::from_secs(1_700_000_000));
        assert!(recorded.windows(2).all(|pair| pair[0].0 <= pair[1].0));
        let mut replay = Replay::new(Reader::new(&file[..]).unwrap(), me).unwrap();
        let mut listener = Listener::new(me, Timestamp::from_millis(5000));
        drive(&mut listener, &mut replay, &Cancel::default(), drop).unwrap();
        assert!(replay.is_over());
        let heard = &listener.heard()[&address];
        assert_eq!((heard.len(), heard[0].mac), (1, owner));
        assert_eq!(heard[0].count, scanner.report().found[&address][0].count);
    }

    #[test]
    fn microseconds_of_a_big_endian_machine() {
        let mut bytes = MICROSECONDS.to_be_bytes().to_vec();
        bytes.extend_from_slice(&[0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1]);
        bytes.extend_from_slice(&[0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, 0, 0, 0, 1, 0xaa]);
        let read: Vec<_> = Reader::new(&bytes[..]).unwrap().map(Result::unwrap).collect();
        assert_eq!(read, [(Duration::new(7, 9000), vec![0xaa])]);
    }

    #[test]
    fn what_is_no_capture_is_refused() {
        assert!(Reader::new(&[0x0a, 0x0d, 0x0d, 0x0a][..]).is_err());
        let mut bytes = Writer::new(Vec::new()).unwrap().finish().unwrap();
        bytes[20] = 105;
        assert!(Reader::new(&bytes[..]).is_err(), "Wi-Fi frames");
        bytes[20] = 1;
        bytes.extend_from_slice(&[0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]);
        assert!(Reader::new(&bytes[..]).unwrap().next().unwrap().is_err(), "a length is not believed");
    }
}
