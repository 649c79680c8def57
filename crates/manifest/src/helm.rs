//! Helm releases: which chart, and with which values, wherever GitOps keeps them.
//!
//! A Flux `HelmRelease`, an Argo CD `Application`, a k3s `HelmChart` with its `HelmChartConfig`, a Fleet `fleet.yaml`, or a
//! plain values file give one [`Release`]. Its values are layers, the last one wins; each value keeps its own place. What
//! a layer that is not there might say is *unknown*, never absent.

use poolcheck_plan::Span;

use crate::object::Object;
use crate::template::{PlaceholderKind, placeholder};
use crate::value::{Kind, Value};

mod chart;
mod sources;

pub use chart::{Chart, ChartVersion};
pub use sources::{Shelf, needed_files, of_file, of_object, values_file};

/// A Helm release as written.
#[derive(Debug, Clone)]
pub struct Release<'a> {
    /// The object that makes it; `None` for a plain values file.
    pub object: Option<Object<'a>>,
    /// Where the release is said: the object's name, or the top of the values file.
    pub place: Span,
    /// Its name, or the file's.
    pub name: String,
    /// The namespace it is installed into, where said.
    pub namespace: Option<String>,
    /// The chart; `None` when nothing says which.
    pub chart: Option<Chart<'a>>,
    /// The values, the last layer wins.
    pub layers: Vec<Layer<'a>>,
    /// Layers that are not in the tree: (where they are named, what they are).
    pub missing: Vec<(Span, String)>,
}

/// One layer of values.
#[derive(Debug, Clone)]
pub enum Layer<'a> {
    /// A mapping of values.
    Values(Value<'a>),
    /// One value by its path (Argo CD `parameters`, k3s `set`, Flux `targetPath`): `speaker.tolerations[0].key`.
    Parameter {
        /// The path, parts separated by dots.
        path: String,
        /// The value.
        value: Value<'a>,
    },
}

/// What a release's values say at a path.
#[derive(Debug, Clone)]
pub enum Setting<'a> {
    /// This.
    Said(Value<'a>),
    /// Nothing: the chart's default holds.
    Default,
    /// It cannot be known: a layer is missing, or a value is filled in later. The place and the reason.
    Unknown(Span, String),
}

impl<'a> Setting<'a> {
    /// The value, when one is said.
    pub fn said(&self) -> Option<Value<'a>> {
        match self {
            Self::Said(value) => Some(*value),
            _ => None,
        }
    }

    /// The boolean that holds: what is said, or the chart's default; `None` when it cannot be known.
    pub fn or_default(&self, default: bool) -> Option<bool> {
        match self {
            Self::Said(value) => value.as_bool(),
            Self::Default => Some(default),
            Self::Unknown(..) => None,
        }
    }
}

impl<'a> Release<'a> {
    /// What the values say at a path of keys separated by dots (`speaker.tolerations`). A `null` takes a value away, as
    /// Helm does, so that the chart's default holds no more: it is `Said(null)`.
    pub fn get(&self, path: &str) -> Setting<'a> {
        for layer in self.layers.iter().rev() {
            match layer {
                Layer::Parameter { path: own, value } if own == path => return known(*value),
                Layer::Parameter { path: own, value } if own.starts_with(path) && is_below(own, path) => {
                    return Setting::Unknown(value.span(), format!("`{own}` is set by a parameter"));
                }
                Layer::Parameter { .. } => {}
                Layer::Values(values) => match below(*values, path) {
                    Below::Found(value) => return known(value),
                    Below::Hidden(value, reason) => return Setting::Unknown(value.span(), reason),
                    Below::Absent => {}
                },
            }
        }
        match self.missing.first() {
            Some((place, what)) => Setting::Unknown(*place, format!("{what} is not in what was checked")),
            None => Setting::Default,
        }
    }

    /// Whether the release installs a chart of this name, from whatever registry.
    pub fn is_of(&self, chart: &str) -> bool {
        self.chart.as_ref().is_some_and(|own| own.name == chart)
    }

    /// The mappings of values, the last wins; not the single parameters.
    pub fn values(&self) -> impl Iterator<Item = Value<'a>> + '_ {
        self.layers.iter().filter_map(|layer| match layer {
            Layer::Values(values) => Some(*values),
            Layer::Parameter { .. } => None,
        })
    }

    /// What stands for it among objects: the object that makes it, or the values themselves.
    pub fn holder(&self) -> Option<Object<'a>> {
        let values = || self.values().next().map(|value| Object { value, nested: true });
        self.object.or_else(values)
    }

    /// `HelmRelease traefik/traefik`, or the values file's name.
    pub fn title(&self) -> String {
        self.object.as_ref().map_or_else(|| self.name.clone(), Object::reference)
    }
}

/// Whether `own` is a path below `path`: `a.b[0]` and `a.b.c` are below `a.b`.
fn is_below(own: &str, path: &str) -> bool {
    matches!(own.as_bytes().get(path.len()), Some(b'.' | b'['))
}

enum Below<'a> {
    Found(Value<'a>),
    Hidden(Value<'a>, String),
    Absent,
}

fn below<'a>(values: Value<'a>, path: &str) -> Below<'a> {
    let mut value = values;
    for key in path.split('.') {
        match value.kind() {
            Kind::Mapping => {}
            Kind::Scalar if value.is_null() => return Below::Found(value),
            Kind::Scalar => return hidden(value).map_or(Below::Absent, |reason| Below::Hidden(value, reason)),
            _ => return Below::Absent,
        }
        match value.get(key) {
            Some(next) => value = next,
            None => return Below::Absent,
        }
    }
    Below::Found(value)
}

/// Why a scalar is not known yet.
fn hidden(value: Value<'_>) -> Option<String> {
    let found = placeholder(&value.text()).filter(|found| found.kind != PlaceholderKind::Word);
    found.map(|placeholder| placeholder.reason())
}

fn known(value: Value<'_>) -> Setting<'_> {
    match value.kind() {
        Kind::Scalar => match hidden(value) {
            Some(reason) => Setting::Unknown(value.span(), reason),
            None => Setting::Said(value),
        },
        _ => Setting::Said(value),
    }
}
