//! XML with the places of its texts: what adapters of XML files share.

use roxmltree::{Document, Node, ParsingOptions};

use crate::adapter::{AdapterError, Complaint, Page};
use crate::said::MAX_DEPTH;

/// More elements and texts than any router's configuration has.
const MAX_NODES: u32 = 1_000_000;

/// Whether the first element of a text has this name. Looks at the beginning alone.
pub(crate) fn begins_with(text: &str, name: &str) -> bool {
    let mut rest = text.trim_start_matches('\u{feff}').trim_start();
    loop {
        let end = match rest.get(..4) {
            Some(start) if start.starts_with("<?") => rest.find("?>").map(|at| at + 2),
            Some("<!--") => rest.find("-->").map(|at| at + 3),
            _ => break,
        };
        let Some(end) = end else { return false };
        rest = rest[end..].trim_start();
    }
    let own = rest.strip_prefix('<').and_then(|rest| rest.strip_prefix(name));
    own.is_some_and(|after| after.starts_with(['>', '/']) || after.starts_with(char::is_whitespace))
}

/// Takes a text apart.
///
/// # Errors
/// When it is no XML, is nested deeper than [`MAX_DEPTH`], or has more than [`MAX_NODES`] nodes.
pub(crate) fn parse<'t>(page: &Page<'t>) -> Result<Document<'t>, AdapterError> {
    let not_read = |message: String| Complaint::whole(message).help("save or download the file once more");
    let deep = deeper_than(page.text, MAX_DEPTH);
    if deep {
        let message =
            format!("{}: elements are nested more than {MAX_DEPTH} deep, which no configuration does", page.name);
        return Err(Complaint::whole(message).help("is it the right file?").into());
    }
    let options = ParsingOptions { nodes_limit: MAX_NODES, ..ParsingOptions::default() };
    Document::parse_with_options(page.text, options).map_err(|error| match error {
        roxmltree::Error::NodesLimitReached => crate::said::too_many().into(),
        error => not_read(format!("{} cannot be read as XML: {error}", page.name)).into(),
    })
}

/// Whether tags are nested deeper than a limit. Counts tags only: what is no XML is found later.
fn deeper_than(text: &str, limit: usize) -> bool {
    let bytes = text.as_bytes();
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(open) = text[at..].find('<').map(|found| at + found) {
        let skip = |end: &str| text[open..].find(end).map_or(text.len(), |found| open + found + end.len());
        at = match bytes.get(open + 1) {
            Some(b'!') if text[open..].starts_with("<!--") => skip("-->"),
            Some(b'!') if text[open..].starts_with("<![CDATA[") => skip("]]>"),
            Some(b'?') => skip("?>"),
            Some(b'!') => skip(">"),
            Some(b'/') => {
                depth = depth.saturating_sub(1);
                skip(">")
            }
            _ => {
                let end = skip(">");
                if !text[..end].ends_with("/>") {
                    depth += 1;
                }
                end
            }
        };
        if depth > limit {
            return true;
        }
    }
    false
}

/// An element with the text around it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Element<'a> {
    pub(crate) node: Node<'a, 'a>,
    text: &'a str,
}

impl<'a> Element<'a> {
    /// The first element of a text.
    pub(crate) fn root(document: &'a Document<'a>) -> Self {
        Self { node: document.root_element(), text: document.input_text() }
    }

    /// Its name.
    pub(crate) fn name(self) -> &'a str {
        self.node.tag_name().name()
    }

    /// The elements within it.
    pub(crate) fn elements(self) -> impl Iterator<Item = Self> {
        let text = self.text;
        self.node.children().filter(Node::is_element).map(move |node| Self { node, text })
    }

    /// The elements of a name within it.
    pub(crate) fn all(self, name: &str) -> impl Iterator<Item = Self> {
        self.elements().filter(move |element| element.name() == name)
    }

    /// The first element of a name within it.
    pub(crate) fn get(self, name: &str) -> Option<Self> {
        self.all(name).next()
    }

    /// The first element at a path within it.
    pub(crate) fn at(self, path: &[&str]) -> Option<Self> {
        path.iter().try_fold(self, |element, name| element.get(name))
    }

    /// What is written between its tags as it stands, without white space around it; nothing where elements are within it.
    pub(crate) fn written(self) -> &'a str {
        let mut children = self.node.children();
        let Some(first) = children.next().filter(Node::is_text) else { return "" };
        if children.any(|node| !node.is_text()) {
            return "";
        }
        let raw = self.text.get(first.range()).unwrap_or_default().trim();
        let raw = raw.strip_prefix("<![CDATA[").and_then(|raw| raw.strip_suffix("]]>")).unwrap_or(raw);
        raw.trim()
    }

    /// What is written in the first element of a name within it; `None` where there is none, or nothing in it.
    pub(crate) fn value(self, name: &str) -> Option<&'a str> {
        self.get(name).map(Self::written).filter(|written| !written.is_empty())
    }

    /// What stands for it: what is written in it, or its tags.
    pub(crate) fn place(self) -> &'a str {
        match self.written() {
            "" => self.text.get(self.node.range()).and_then(|all| all.lines().next()).unwrap_or_default(),
            written => written,
        }
    }
}

/// What a written text means, where XML has its own signs for some characters (`R&amp;D`).
pub(crate) fn plain(written: &str) -> String {
    let mut plain = String::with_capacity(written.len());
    let mut rest = written;
    while let Some((before, after)) = rest.split_once('&') {
        plain.push_str(before);
        // The longest one is `&#x10ffff;`: no further, lest a text of nothing but `&` takes its time.
        let end = after.bytes().take(10).position(|byte| byte == b';');
        let sign = end.and_then(|end| {
            let (sign, behind) = (after.get(..end)?, after.get(end + 1..)?);
            let number = sign.strip_prefix('#');
            let number =
                number.and_then(|n| n.strip_prefix('x').map_or(n.parse().ok(), |n| u32::from_str_radix(n, 16).ok()));
            let named = match sign {
                "amp" => Some('&'),
                "lt" => Some('<'),
                "gt" => Some('>'),
                "quot" => Some('"'),
                "apos" => Some('\''),
                _ => number.and_then(char::from_u32),
            };
            Some((named?, behind))
        });
        let (one, behind) = sign.unwrap_or(('&', after));
        plain.push(one);
        rest = behind;
    }
    plain.push_str(rest);
    plain
}

/// The text with what is written in elements unreadable, but in those whose name (and whose parent's) is wanted.
pub(crate) fn shown(document: &Document<'_>, wanted: impl Fn(&str, &str) -> bool) -> String {
    let text = document.input_text();
    let mut parts = Vec::new();
    let mut at = 0;
    for node in document.descendants() {
        let hidden = if node.is_comment() || node.is_pi() {
            Some(node.range())
        } else if node.is_element() && node.has_children() && !node.children().any(|child| child.is_element()) {
            let parent = node.parent_element().map_or("", |parent| parent.tag_name().name());
            let whole = node.range();
            let inner = text.get(whole.clone()).and_then(|all| Some(all.find('>')? + 1..all.rfind("</")?));
            inner
                .filter(|_| !wanted(node.tag_name().name(), parent))
                .map(|inner| whole.start + inner.start..whole.start + inner.end.max(inner.start))
        } else if node.is_text() && node.parent().is_some_and(|parent| parent.children().any(|n| n.is_element())) {
            Some(node.range())
        } else {
            None
        };
        if let Some(hidden) = hidden.filter(|hidden| hidden.start >= at) {
            parts.push(at..hidden.start);
            at = hidden.end;
        }
    }
    parts.push(at..text.len());
    crate::said::only(text, &mut parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_element_is_found_behind_declarations_and_comments() {
        assert!(begins_with("\u{feff}<?xml version=\"1.0\"?>\n<!-- x > --><pfsense>", "pfsense"));
        assert!(begins_with("<pfsense version=\"1\">", "pfsense"));
        assert!(!begins_with("<pfsenseplus>", "pfsense") && !begins_with("<a><pfsense>", "pfsense"));
        assert!(!begins_with("<?xml", "pfsense") && !begins_with("", "pfsense"));
    }

    #[test]
    fn what_is_written_has_its_place() {
        let text = "<a> <b>\n 1 </b><c><![CDATA[x & y]]></c><d/><e><f>2</f></e></a>";
        let document = parse(&Page { name: "x", text }).expect("it is XML");
        let root = Element::root(&document);
        assert_eq!((root.value("b"), root.value("c"), root.value("d")), (Some("1"), Some("x & y"), None));
        assert_eq!((root.value("e"), root.at(&["e", "f"]).map(Element::written)), (None, Some("2")));
        assert_eq!(root.get("d").map(Element::place), Some("<d/>"));
    }

    #[test]
    fn signs_of_xml_are_read() {
        assert_eq!(plain("R&amp;D &lt;2&gt; &#252;&#xfc;&quot;&apos;"), "R&D <2> üü\"'");
        assert_eq!(plain("R&D &nothing; &#xffffffff; &"), "R&D &nothing; &#xffffffff; &");
        assert_eq!(plain("&amp;lt;"), "&lt;");
        let many = "&".repeat(1 << 20);
        assert_eq!(plain(&many), many);
    }

    #[test]
    fn what_is_not_wanted_is_not_shown() {
        let text = "<a><key>s3\ncret</key><from>10.0.0.1</from><!-- psk --><b>x<c><![CDATA[s]]></c></b></a>";
        let document = parse(&Page { name: "x", text }).expect("it is XML");
        let shown = shown(&document, |name, _| name == "from");
        assert_eq!(shown, "<a><key>**\n****</key><from>10.0.0.1</from>**** *** ***<b>*<c>*************</c></b></a>");
    }

    #[test]
    fn depth_has_a_limit() {
        let deep = "<a>".repeat(MAX_DEPTH + 1);
        let error = parse(&Page { name: "x", text: &deep }).expect_err("it is too deep");
        assert!(error.to_string().contains("deep"), "{error}");
        let wide = format!("<a>{}</a>", "<b/><c></c><!-- < --><![CDATA[<<]]>".repeat(100));
        assert!(parse(&Page { name: "x", text: &wide }).is_ok());
    }
}
