//! YAML inside YAML: a text that is a string of another document, with every byte mapped back to the file it stands in.

use std::sync::Arc;

use crate::file::ManifestFile;
use crate::value::Value;
use crate::yaml::{Bytes, Limits, Quoting, slice};

/// An embedded text, read.
#[derive(Debug, Clone)]
pub(crate) struct Embedded {
    /// The object that holds it, by its number among the file's objects.
    pub(crate) object: usize,
    pub(crate) file: ManifestFile,
}

/// Where the bytes of an embedded text stand in the file around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct OffsetMap {
    /// (byte of the embedded text, byte of the file), ascending; between two points both advance together.
    points: Vec<(u32, u32)>,
    /// The scalar as a whole, for texts that do not map byte by byte.
    whole: Bytes,
}

impl OffsetMap {
    pub(crate) fn outer(&self, bytes: &Bytes) -> Bytes {
        let at = |byte: u32| {
            let index = self.points.partition_point(|(inner, _)| *inner <= byte).checked_sub(1)?;
            let (inner, outer) = self.points[index];
            Some(outer + (byte - inner))
        };
        let last = bytes.end.max(bytes.start + 1) - 1;
        match (at(bytes.start), at(last)) {
            (Some(start), Some(end)) if start <= end => start..(end + 1).min(self.whole.end).max(start),
            _ => self.whole.clone(),
        }
    }
}

/// The embedded texts of a file that hold something of ours: MetalLB's ConfigMap `config`.
pub(crate) fn find(file: &ManifestFile, limits: &Limits) -> Vec<Embedded> {
    if !file.text.contains("address-pools") {
        return Vec::new();
    }
    let objects = file.objects();
    let texts = objects.iter().enumerate().filter_map(|(number, object)| {
        let is_config_map = object.kind() == "ConfigMap" && object.api_version() == "v1";
        let config = object.value.get("data")?.get("config").filter(|_| is_config_map)?;
        config.text().contains("address-pools").then_some((number, config))
    });
    texts
        .map(|(object, config)| {
            let text: Arc<str> = Arc::from(&*config.text());
            let map = map_of(config, file);
            Embedded { object, file: ManifestFile::plain(file.source, text, limits, Some(map)) }
        })
        .collect()
}

fn map_of(value: Value<'_>, file: &ManifestFile) -> OffsetMap {
    let whole = value.own_bytes().clone();
    let cooked = value.text();
    let raw = slice(&file.text, &whole);
    let points = match value.quoting() {
        Some(Quoting::Literal) => literal_points(&cooked, raw, whole.start),
        Some(Quoting::Plain) if *cooked == *raw => vec![(0, whole.start)],
        Some(Quoting::Single | Quoting::Double) if raw.get(1..raw.len().saturating_sub(1)) == Some(&cooked) => {
            vec![(0, whole.start + 1)]
        }
        _ => Vec::new(),
    };
    OffsetMap { points, whole }
}

/// One point a line: the lines of a literal block are the file's own lines without their indentation.
fn literal_points(cooked: &str, raw: &str, start: u32) -> Vec<(u32, u32)> {
    let mut outer = raw.split_inclusive('\n').scan(start, |at, line| {
        let here = *at;
        *at += line.len() as u32;
        Some((here, line))
    });
    outer.next(); // the line with the `|`
    let mut points = Vec::new();
    let mut inner = 0;
    for line in cooked.split_inclusive('\n') {
        let Some((at, raw_line)) = outer.next() else { break };
        let content = line.trim_end_matches(['\r', '\n']);
        let bare = raw_line.trim_end_matches(['\r', '\n']);
        let Some(indent) = bare.len().checked_sub(content.len()).filter(|_| bare.ends_with(content)) else {
            return Vec::new();
        };
        points.push((inner, at + indent as u32));
        inner += line.len() as u32;
    }
    points
}
