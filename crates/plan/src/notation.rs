//! How the other load balancers write a range, where that differs from MetalLB.
//!
//! Each [`Notation`] is one field's syntax, named after what it takes; who uses it is said beside it. The reading itself is
//! [`syntax`](crate::syntax)'s, so that one slip has one explanation everywhere.

use std::net::IpAddr;

use crate::range::{AddrRange, Family};
use crate::syntax::{Cause, Parsed, SyntaxError, Written, parse_address, parse_cidr, parse_metallb};

/// What a field takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notation {
    /// A CIDR, or `first-last` with blanks: MetalLB.
    Metallb,
    /// The same, but a CIDR with host bits begins at the address that is written: PureLB.
    FromAddress,
    /// A CIDR, `first-last` or one bare address: OpenELB.
    Any,
    /// A CIDR only: Cilium's `cidr`, kube-vip's values with a slash, Calico.
    Cidr,
    /// `first-last` without blanks: kube-vip's values without a slash.
    Range,
    /// One address: Cilium's `start` and `stop`.
    Address,
}

impl Notation {
    /// Reads a text.
    ///
    /// # Errors
    /// When the field does not take it; the error says why and where.
    pub fn parse(self, text: &str) -> Result<Parsed, SyntaxError> {
        let single = |address| Parsed { range: AddrRange::single(address), written: Written::Range };
        match self {
            Self::Metallb => parse_metallb(text),
            Self::FromAddress => parse_metallb(text).map(from_address),
            Self::Any => parse_address(text.trim()).map_or_else(|_| parse_metallb(text), |address| Ok(single(address))),
            Self::Cidr if text.contains('-') && parse_metallb(text).is_ok() => {
                Err(SyntaxError::new(text, Cause::WantsCidr, None))
            }
            Self::Range if text.contains('-') => match parse_metallb(text) {
                Ok(_) if text.contains(char::is_whitespace) => Err(SyntaxError::new(text, Cause::Blank, None)),
                read => read,
            },
            Self::Range if parse_cidr(text).is_ok() || parse_address(text).is_ok() => {
                Err(SyntaxError::new(text, Cause::WantsRange, None))
            }
            Self::Cidr | Self::Range => parse_cidr(text),
            Self::Address => match parse_address(text.trim()) {
                Ok(address) => Ok(single(address)),
                Err(_) if parse_metallb(text).is_ok() => Err(SyntaxError::new(text, Cause::WantsAddress, None)),
                Err(cause) => Err(SyntaxError::new(text, cause, None)),
            },
        }
    }

    /// What to write instead of something that [`parse`](Self::parse) refused; always something that the field takes.
    pub fn suggestion(self, text: &str, error: &SyntaxError) -> Option<String> {
        let meant = match error.cause() {
            Cause::WantsCidr | Cause::WantsRange => {
                let range = Self::Any.parse(text).ok()?.range;
                if self == Self::Cidr { range.as_net()?.to_string() } else { self.write(range, false)? }
            }
            _ => error.suggestion()?,
        };
        self.parse(&meant).is_ok().then_some(meant)
    }

    /// Writes a range; `None` when the field cannot hold it. `prefix` asks for a CIDR where one is possible.
    pub fn write(self, range: AddrRange, prefix: bool) -> Option<String> {
        let dashed = format!("{}-{}", range.first(), range.last());
        let with_length = || format!("{}/{}", range.first(), range.family().bits());
        match (self, range.as_net().filter(|_| prefix), range.size()) {
            (Self::Cidr, _, _) => range.as_net().map(|net| net.to_string()),
            (Self::Range, _, _) => Some(dashed),
            (Self::Address, _, 1) | (Self::Any, None, 1) => Some(range.first().to_string()),
            (Self::Address, _, _) => None,
            (_, Some(net), _) => Some(net.to_string()),
            (_, None, 1) => Some(with_length()),
            (_, None, _) => Some(dashed),
        }
    }
}

/// A CIDR with host bits as PureLB takes it: from the address as written to the end of the prefix.
fn from_address(parsed: Parsed) -> Parsed {
    let Written::Cidr { address, host_bits: true, .. } = parsed.written else { return parsed };
    let range = AddrRange::new(address, parsed.range.last()).unwrap_or(parsed.range);
    Parsed { range, written: Written::Range }
}

/// The range between two addresses written apart, as Cilium's `start` and `stop`.
///
/// # Errors
/// When they are of two families, or in the wrong order; the error's text is `first-last`.
pub fn between(first: IpAddr, last: IpAddr) -> Result<AddrRange, SyntaxError> {
    let text = format!("{first}-{last}");
    if Family::of(first) != Family::of(last) {
        return Err(SyntaxError::new(&text, Cause::MixedFamilies, None));
    }
    AddrRange::new(first, last).ok_or_else(|| SyntaxError::new(&text, Cause::Reversed, None))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(notation: Notation, text: &str) -> String {
        notation.parse(text).map_or_else(|e| format!("{:?}", e.cause()), |p| p.range.to_string())
    }

    #[test]
    fn each_field_takes_its_own() {
        use Notation::{Address, Any, Cidr, FromAddress, Metallb, Range};
        let cases = [
            (Metallb, "192.168.1.9/29", "192.168.1.8-192.168.1.15"),
            (FromAddress, "192.168.1.9/29", "192.168.1.9-192.168.1.15"),
            (FromAddress, "192.168.1.9", "BareAddress"),
            (Any, "192.168.1.9", "192.168.1.9"),
            (Any, "192.168.1.9/29", "192.168.1.8-192.168.1.15"),
            (Cidr, "192.168.1.1-192.168.1.3", "WantsCidr"),
            (Cidr, "192.168.1.1", "BareAddress"),
            (Range, "192.168.1.1-192.168.1.3", "192.168.1.1-192.168.1.3"),
            (Range, "192.168.1.1 - 192.168.1.3", "Blank"),
            (Range, "192.168.1.1", "WantsRange"),
            (Range, "192.168.1.0/24", "WantsRange"),
            (Address, "192.168.1.1", "192.168.1.1"),
            (Address, "192.168.1.1/32", "WantsAddress"),
            (Address, "192.168.1.256", "Address"),
        ];
        for (notation, text, expected) in cases {
            assert_eq!(read(notation, text), expected, "{notation:?} {text}");
        }
    }

    #[test]
    fn suggestions_are_taken() {
        let suggest = |notation: Notation, text: &str| {
            let error = notation.parse(text).expect_err(text);
            notation.suggestion(text, &error)
        };
        assert_eq!(suggest(Notation::Cidr, "192.168.1.8-192.168.1.15").as_deref(), Some("192.168.1.8/29"));
        assert_eq!(suggest(Notation::Cidr, "192.168.1.8-192.168.1.14"), None);
        assert_eq!(suggest(Notation::Range, "192.168.1.7").as_deref(), Some("192.168.1.7-192.168.1.7"));
        assert_eq!(suggest(Notation::Range, "10.0.0.1 - 10.0.0.9").as_deref(), Some("10.0.0.1-10.0.0.9"));
        assert_eq!(suggest(Notation::Range, "10.0.0.1-9").as_deref(), Some("10.0.0.1-10.0.0.9"));
    }

    #[test]
    fn what_is_written_is_read_back() {
        let range = |text: &str| parse_metallb(text).expect("a range").range;
        for text in ["10.0.0.1-10.0.0.9", "10.0.0.8/29", "10.0.0.7/32", "fd00::1-fd00::9", "fd00::/120"] {
            for notation in [Notation::Metallb, Notation::Any, Notation::Cidr, Notation::Range, Notation::Address] {
                let Some(written) = notation.write(range(text), true) else { continue };
                assert_eq!(notation.parse(&written).map(|p| p.range), Ok(range(text)), "{notation:?} {written}");
            }
        }
        assert_eq!(Notation::Cidr.write(range("10.0.0.1-10.0.0.9"), true), None);
    }
}
