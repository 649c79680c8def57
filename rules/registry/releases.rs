//! The Helm releases of a world: what makes them, and the values they are made with, brought together from all files.

use std::collections::{BTreeMap, BTreeSet};

use poolcheck_manifest::helm::{self, Release, Shelf};
use poolcheck_manifest::tree::Clusters;
use poolcheck_manifest::tree::path::{KUSTOMIZATIONS, file_name, folder, join};
use poolcheck_manifest::{ManifestFile, Object, Value};
use poolcheck_plan::{SourceId, Sources};

/// A plain values file, of which the user said which chart it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValuesFile {
    /// The file, by its name among the sources.
    pub name: String,
    /// The chart.
    pub chart: String,
    /// The namespace the chart is installed into.
    pub namespace: Option<String>,
}

/// Everything that may hold a part of a release.
pub(crate) struct Library<'w, 'a> {
    pub(crate) sources: &'a Sources,
    pub(crate) files: &'a [ManifestFile],
    pub(crate) objects: &'w [Object<'a>],
    pub(crate) clusters: &'w Clusters,
}

/// All releases, in the order of files.
pub(crate) fn read<'a>(library: &Library<'_, 'a>, named: &[ValuesFile]) -> Vec<Release<'a>> {
    let index = Index::new(library);
    let mut releases: Vec<Release<'a>> =
        library.objects.iter().flat_map(|object| helm::of_object(object, &index)).collect();
    for file in library.files {
        let path = &library.sources.get(file.source()).name;
        let name = file_name(path);
        releases.extend(file.roots().flat_map(|root| helm::of_file(root, name, &index)));
        for known in named.iter().filter(|known| known.name == *path) {
            releases.extend(helm::values_file(file, path, &known.chart, known.namespace.as_deref()));
        }
    }
    releases
}

struct Index<'w, 'a> {
    library: &'w Library<'w, 'a>,
    by_name: BTreeMap<&'a str, Vec<&'a ManifestFile>>,
    by_object: BTreeMap<(String, String), Vec<Object<'a>>>,
}

impl<'w, 'a> Index<'w, 'a> {
    fn new(library: &'w Library<'w, 'a>) -> Self {
        let mut by_name: BTreeMap<&str, Vec<&ManifestFile>> = BTreeMap::new();
        for file in library.files {
            by_name.entry(&library.sources.get(file.source()).name).or_default().push(file);
        }
        const KINDS: [&str; 4] = ["ConfigMap", "HelmChart", "HelmChartConfig", "OCIRepository"];
        let mut by_object: BTreeMap<_, Vec<Object<'a>>> = BTreeMap::new();
        for object in library.objects.iter().filter(|object| KINDS.contains(&&*object.kind())) {
            let key = (object.kind().into_owned(), object.name().unwrap_or_default().into_owned());
            by_object.entry(key).or_default().push(*object);
        }
        Self { library, by_name, by_object }
    }

    fn near(&self, from: SourceId, file: &ManifestFile) -> bool {
        self.library.clusters.meet(from, file.source())
    }

    /// The file at a path as written in another file: beside it, or from the tree's root (`$values/apps/x.yaml`).
    fn open(&self, from: Value<'a>, path: &str) -> Option<&'a ManifestFile> {
        let own = from.span().source;
        let folder = folder(&self.library.sources.get(own).name);
        let beside = join(folder, path);
        let exact = self.by_name.get(beside.as_str()).and_then(|files| files.iter().find(|f| self.near(own, f)));
        if exact.is_some() {
            return exact.copied();
        }
        let rooted = path.strip_prefix('$').map_or(path, |rest| rest.split_once('/').map_or(rest, |(_, path)| path));
        let rooted = rooted.trim_start_matches('/');
        let ends = |name: &str| name.strip_suffix(rooted).is_some_and(|head| head.is_empty() || head.ends_with('/'));
        let mut fitting = self.by_name.iter().filter(|(name, _)| ends(name)).flat_map(|(_, files)| files);
        let one = fitting.next().filter(|_| rooted.contains('/'))?;
        fitting.next().is_none().then_some(*one)
    }

    /// A values file that a `configMapGenerator` puts into a ConfigMap; the kustomization lies beside the object or above it.
    fn generated(&self, from: &Object<'a>, name: &str, key: &str) -> Option<Value<'a>> {
        let own = &self.library.sources.get(from.value.span().source).name;
        let mut at = folder(own);
        loop {
            for file_name in KUSTOMIZATIONS {
                let path = join(at, file_name);
                for file in self.by_name.get(path.as_str()).into_iter().flatten() {
                    let found = file.roots().find_map(|root| self.generates(root, name, key));
                    if found.is_some() {
                        return found;
                    }
                }
            }
            if at.is_empty() {
                return None;
            }
            at = folder(at);
        }
    }

    fn generates(&self, root: Value<'a>, name: &str, key: &str) -> Option<Value<'a>> {
        let generators = root.get("configMapGenerator")?;
        let generator = generators.items().find(|entry| entry.get("name").is_some_and(|own| own.text() == name))?;
        let files = generator.get("files")?;
        files.items().find_map(|entry| {
            let text = entry.text();
            let (own, path) = text.split_once('=').unwrap_or((text.rsplit('/').next().unwrap_or(&text), &text));
            if own != key {
                return None;
            }
            self.open(entry, path)?.roots().next()
        })
    }
}

impl<'a> Shelf<'a> for Index<'_, 'a> {
    fn config_map(&self, from: &Object<'a>, name: &str, key: &str) -> Option<Value<'a>> {
        let own = from.value.span().source;
        let maps = self.by_object.get(&("ConfigMap".to_owned(), name.to_owned()));
        let fits = |map: &&Object<'a>| {
            let namespaces = (map.namespace(), from.namespace());
            let same = !matches!(&namespaces, (Some(a), Some(b)) if a != b);
            same && self.library.clusters.meet(own, map.value.span().source)
        };
        let found: BTreeSet<_> = maps.into_iter().flatten().filter(fits).map(|map| map.value.span()).collect();
        // Two of that name in one cluster: which one is meant cannot be said.
        let map = maps.into_iter().flatten().find(fits).filter(|_| found.len() == 1);
        match map.and_then(|map| map.value.get("data")?.get(key)) {
            Some(text) => text.embedded().and_then(|file| file.roots().next()).or(Some(text)),
            None => self.generated(from, name, key),
        }
    }

    fn file(&self, from: Value<'a>, path: &str) -> Option<Value<'a>> {
        self.open(from, path)?.roots().next()
    }

    fn object(&self, kind: &str, name: &str, namespace: Option<&str>) -> Option<Object<'a>> {
        let found = self.by_object.get(&(kind.to_owned(), name.to_owned()))?;
        let fits = |object: &&Object<'a>| match (object.namespace(), namespace) {
            (Some(own), Some(wanted)) => own == wanted,
            _ => true,
        };
        found.iter().find(fits).copied()
    }
}
