//! Where releases are kept: one function a form.
//!
//! Sources: Flux `helm.toolkit.fluxcd.io` HelmRelease v2; Argo CD `argoproj.io/v1alpha1` Application `spec.source(s).helm`;
//! k3s `helm.cattle.io/v1` HelmChart and HelmChartConfig; Rancher Fleet `fleet.yaml`; Kustomize `helmCharts`; Helm `Chart.yaml`.

use poolcheck_plan::Span;

use super::{Chart, Layer, Release};
use crate::file::ManifestFile;
use crate::object::Object;
use crate::tree::{argo_sources, path::is_kustomization};
use crate::value::{Kind, Value};

/// Finds what a release refers to elsewhere in the tree.
pub trait Shelf<'a> {
    /// The values kept under a key of a ConfigMap, as a mapping.
    fn config_map(&self, from: &Object<'a>, name: &str, key: &str) -> Option<Value<'a>>;
    /// The mapping of a values file, its path as written in the file that `from` stands in.
    fn file(&self, from: Value<'a>, path: &str) -> Option<Value<'a>>;
    /// Another object of the tree: a k3s HelmChartConfig, a Flux OCIRepository.
    fn object(&self, kind: &str, name: &str, namespace: Option<&str>) -> Option<Object<'a>>;
}

/// The releases that an object makes.
pub fn of_object<'a>(object: &Object<'a>, shelf: &dyn Shelf<'a>) -> Vec<Release<'a>> {
    match (&*object.group(), &*object.kind()) {
        ("helm.toolkit.fluxcd.io", "HelmRelease") => vec![flux(object, shelf)],
        ("argoproj.io", "Application") => argo(object, object.spec(), shelf),
        ("argoproj.io", "ApplicationSet") => {
            argo(object, object.spec().and_then(|spec| path(spec, "template.spec")), shelf)
        }
        ("helm.cattle.io", "HelmChart") => vec![k3s(object, shelf)],
        // Without its HelmChart in the tree it configures the chart that k3s brings.
        ("helm.cattle.io", "HelmChartConfig") => {
            let name = object.name().unwrap_or_default();
            let alone = shelf.object("HelmChart", &name, object.namespace().as_deref()).is_none();
            if alone { vec![k3s(object, shelf)] } else { Vec::new() }
        }
        _ => Vec::new(),
    }
}

/// The releases that a file makes which is no Kubernetes object: `fleet.yaml`, `kustomization.yaml`, `Chart.yaml`.
///
/// `name` is the file's name without its folder.
pub fn of_file<'a>(root: Value<'a>, name: &str, shelf: &dyn Shelf<'a>) -> Vec<Release<'a>> {
    match name {
        "fleet.yaml" | "fleet.yml" => fleet(root, shelf).into_iter().collect(),
        name if is_kustomization(name) => {
            let charts = root.list("helmCharts").into_iter();
            charts.filter_map(|entry| kustomize(entry, shelf)).collect()
        }
        "Chart.yaml" | "Chart.yml" => umbrella(root, shelf),
        _ => Vec::new(),
    }
}

/// The release of a plain values file, of which somebody said which chart it is for.
pub fn values_file<'a>(
    file: &'a ManifestFile,
    name: &str,
    chart: &str,
    namespace: Option<&str>,
) -> Option<Release<'a>> {
    let root = file.roots().next().filter(|root| root.kind() == Kind::Mapping)?;
    let chart = Some(Chart { name: chart_name(chart), version: None });
    Some(Release {
        object: None,
        place: Span::new(root.span().source, root.span().start, root.span().start),
        name: name.to_owned(),
        namespace: namespace.map(str::to_owned),
        chart,
        layers: vec![Layer::Values(root)],
        missing: Vec::new(),
    })
}

fn flux<'a>(object: &Object<'a>, shelf: &dyn Shelf<'a>) -> Release<'a> {
    let mut release = empty(object);
    let Some(spec) = object.spec() else { return release };
    release.namespace = text(spec.get("targetNamespace")).or(release.namespace);
    release.name = text(spec.get("releaseName")).unwrap_or(release.name);
    release.chart = path(spec, "chart.spec")
        .and_then(|chart| Some(Chart { name: chart_name(&chart.get("chart")?.text()), version: chart.get("version") }))
        .or_else(|| spec.get("chartRef").and_then(|reference| flux_reference(object, reference, shelf)));
    for from in spec.list("valuesFrom") {
        let (kind, name) = (text(from.get("kind")).unwrap_or_default(), text(from.get("name")).unwrap_or_default());
        let key = text(from.get("valuesKey")).unwrap_or_else(|| "values.yaml".to_owned());
        let target = text(from.get("targetPath"));
        let found = if kind == "ConfigMap" { shelf.config_map(object, &name, &key) } else { None };
        match (found, target) {
            (Some(value), Some(path)) => release.layers.push(Layer::Parameter { path, value }),
            (Some(values), None) => release.layers.push(Layer::Values(values)),
            // One value from a Secret says nothing of the others.
            (None, Some(path)) => release.missing.extend(Some((from.span(), format!("{kind} {name} for `{path}`")))),
            (None, None) => release.missing.push((from.span(), format!("{kind} {name}"))),
        }
    }
    release.layers.extend(spec.get("values").filter(|values| values.kind() == Kind::Mapping).map(Layer::Values));
    release
}

/// The chart behind `chartRef`: the last part of an OCIRepository's address, or a HelmChart's own.
fn flux_reference<'a>(object: &Object<'a>, reference: Value<'a>, shelf: &dyn Shelf<'a>) -> Option<Chart<'a>> {
    let (kind, name) = (text(reference.get("kind"))?, text(reference.get("name"))?);
    let namespace = text(reference.get("namespace")).or_else(|| object.namespace().map(std::borrow::Cow::into_owned));
    let Some(spec) = shelf.object(&kind, &name, namespace.as_deref()).and_then(|found| found.spec()) else {
        return Some(Chart { name, version: None });
    };
    if kind == "HelmChart" {
        return Some(Chart { name: chart_name(&spec.get("chart")?.text()), version: spec.get("version") });
    }
    let version = path(spec, "ref.tag").or_else(|| path(spec, "ref.semver"));
    Some(Chart { name: chart_name(&spec.get("url")?.text()), version })
}

fn argo<'a>(object: &Object<'a>, spec: Option<Value<'a>>, shelf: &dyn Shelf<'a>) -> Vec<Release<'a>> {
    let Some(spec) = spec else { return Vec::new() };
    let namespace = path(spec, "destination.namespace");
    argo_sources(spec).into_iter().filter_map(|source| argo_source(object, source, namespace, shelf)).collect()
}

fn argo_source<'a>(
    object: &Object<'a>,
    source: Value<'a>,
    namespace: Option<Value<'a>>,
    shelf: &dyn Shelf<'a>,
) -> Option<Release<'a>> {
    let chart = source.get("chart").filter(|chart| !chart.is_null())?;
    let mut release = empty(object);
    release.namespace = text(namespace).or(release.namespace);
    release.chart = Some(Chart { name: chart_name(&chart.text()), version: source.get("targetRevision") });
    let Some(helm) = source.get("helm") else { return Some(release) };
    release.name = text(helm.get("releaseName")).unwrap_or(release.name);
    for file in helm.list("valueFiles") {
        match shelf.file(object.value, &file.text()) {
            Some(values) => release.layers.push(Layer::Values(values)),
            None => release.missing.push((file.span(), format!("the values file {}", file.text()))),
        }
    }
    let inline = helm.get("values").filter(|values| !values.is_null());
    match inline.map(|values| (values, values.embedded().and_then(|file| file.roots().next()))) {
        Some((_, Some(root))) => release.layers.push(Layer::Values(root)),
        Some((values, None)) if values.kind() == Kind::Mapping => release.layers.push(Layer::Values(values)),
        Some((values, None)) if !values.text().trim().is_empty() => {
            release.missing.push((values.span(), "what `values` is rendered to".to_owned()));
        }
        _ => {}
    }
    release.layers.extend(helm.get("valuesObject").filter(|values| values.kind() == Kind::Mapping).map(Layer::Values));
    for parameter in helm.list("parameters") {
        if let (Some(name), Some(value)) = (parameter.get("name"), parameter.get("value")) {
            release.layers.push(Layer::Parameter { path: name.text().into_owned(), value });
        }
    }
    Some(release)
}

fn k3s<'a>(object: &Object<'a>, shelf: &dyn Shelf<'a>) -> Release<'a> {
    let mut release = empty(object);
    let own_name = object.name().unwrap_or_default().into_owned();
    let chart = object.spec().and_then(|spec| spec.get("chart"));
    let name = chart.map_or_else(|| own_name.clone(), |chart| chart_name(&chart.text()));
    let version = object.spec().and_then(|spec| spec.get("version"));
    release.chart = Some(Chart { name, version });
    let namespace = object.spec().and_then(|spec| spec.get("targetNamespace"));
    release.namespace = text(namespace).or(release.namespace);
    let config = shelf.object("HelmChartConfig", &own_name, object.namespace().as_deref());
    let config = config.filter(|_| object.kind() == "HelmChart");
    for part in [Some(*object), config].into_iter().flatten() {
        let Some(spec) = part.spec() else { continue };
        for entry in spec.get("set").map(|set| set.entries()).unwrap_or_default() {
            release.layers.push(Layer::Parameter { path: entry.key.text().into_owned(), value: entry.value });
        }
        let Some(content) = spec.get("valuesContent").filter(|content| !content.text().trim().is_empty()) else {
            continue;
        };
        match content.embedded().and_then(|file| file.roots().next()) {
            Some(root) => release.layers.push(Layer::Values(root)),
            None => release.missing.push((content.span(), "what `valuesContent` is rendered to".to_owned())),
        }
    }
    release
}

fn fleet<'a>(root: Value<'a>, shelf: &dyn Shelf<'a>) -> Option<Release<'a>> {
    let helm = root.get("helm")?;
    let chart = helm.get("chart")?;
    let mut release = unnamed(root, chart.text().into_owned(), text(root.get("defaultNamespace")));
    release.name = text(helm.get("releaseName")).unwrap_or(release.name);
    release.chart = Some(Chart { name: chart_name(&chart.text()), version: helm.get("version") });
    value_files(&mut release, root, helm.get("valuesFiles"), shelf);
    release.layers.extend(helm.get("values").filter(|values| values.kind() == Kind::Mapping).map(Layer::Values));
    Some(release)
}

fn kustomize<'a>(entry: Value<'a>, shelf: &dyn Shelf<'a>) -> Option<Release<'a>> {
    let name = entry.get("name")?;
    let mut release = unnamed(entry, name.text().into_owned(), text(entry.get("namespace")));
    release.chart = Some(Chart { name: chart_name(&name.text()), version: entry.get("version") });
    value_files(&mut release, entry, entry.get("valuesFile"), shelf);
    value_files(&mut release, entry, entry.get("additionalValuesFiles"), shelf);
    release.layers.extend(entry.get("valuesInline").filter(|values| values.kind() == Kind::Mapping).map(Layer::Values));
    Some(release)
}

/// A chart of charts: the values of each dependency stand under its name in the `values.yaml` beside it.
fn umbrella<'a>(root: Value<'a>, shelf: &dyn Shelf<'a>) -> Vec<Release<'a>> {
    let dependencies = root.list("dependencies").into_iter();
    let of = |dependency: Value<'a>| {
        let name = text(dependency.get("name"))?;
        let key = text(dependency.get("alias")).unwrap_or_else(|| name.clone());
        let mut release = unnamed(dependency, name.clone(), None);
        release.chart = Some(Chart { name: chart_name(&name), version: dependency.get("version") });
        let values = shelf.file(root, "values.yaml").and_then(|values| values.get(&key));
        release.layers.extend(values.filter(|values| values.kind() == Kind::Mapping).map(Layer::Values));
        Some(release)
    };
    dependencies.filter_map(of).collect()
}

fn value_files<'a>(release: &mut Release<'a>, from: Value<'a>, files: Option<Value<'a>>, shelf: &dyn Shelf<'a>) {
    let Some(files) = files else { return };
    let list: Vec<Value<'a>> = if files.kind() == Kind::Sequence { files.items().collect() } else { vec![files] };
    for file in list.into_iter().filter(|file| !file.is_null()) {
        match shelf.file(from, &file.text()) {
            Some(values) => release.layers.push(Layer::Values(values)),
            None => release.missing.push((file.span(), format!("the values file {}", file.text()))),
        }
    }
}

/// The files that a document names and that hold values: their paths as written.
pub fn needed_files(root: Value<'_>, name: &str) -> Vec<String> {
    let mut files = Vec::new();
    let mut add = |value: Option<Value<'_>>| {
        let Some(value) = value else { return };
        let one = (value.kind() == Kind::Scalar && !value.is_null()).then_some(value);
        files.extend(one.into_iter().chain(value.items()).map(|file| file.text().into_owned()));
    };
    match name {
        "fleet.yaml" | "fleet.yml" => add(path(root, "helm.valuesFiles")),
        name if is_kustomization(name) => {
            for chart in root.list("helmCharts") {
                add(chart.get("valuesFile"));
                add(chart.get("additionalValuesFiles"));
            }
            for generated in root.list("configMapGenerator") {
                for file in generated.list("files") {
                    let entry = file.text();
                    files.push(entry.split_once('=').map_or(&*entry, |(_, file)| file).to_owned());
                }
            }
        }
        "Chart.yaml" | "Chart.yml" if root.get("dependencies").is_some() => files.push("values.yaml".to_owned()),
        _ => {
            for source in root.get("spec").map(argo_sources).unwrap_or_default() {
                add(path(source, "helm.valueFiles"));
            }
        }
    }
    files
}

fn empty<'a>(object: &Object<'a>) -> Release<'a> {
    Release {
        object: Some(*object),
        place: object.name_span(),
        name: object.name().unwrap_or_default().into_owned(),
        namespace: object.namespace().map(std::borrow::Cow::into_owned),
        chart: None,
        layers: Vec::new(),
        missing: Vec::new(),
    }
}

fn unnamed(place: Value<'_>, name: String, namespace: Option<String>) -> Release<'_> {
    let place = place.get("name").or_else(|| place.get("helm")).unwrap_or(place).place();
    Release { object: None, place, name, namespace, chart: None, layers: Vec::new(), missing: Vec::new() }
}

/// `oci://ghcr.io/traefik/helm/traefik` and `./charts/traefik` are both the chart `traefik`.
fn chart_name(written: &str) -> String {
    let path = written.trim_end_matches('/').rsplit('/').next().unwrap_or(written);
    path.split(':').next().unwrap_or(path).trim_end_matches(".tgz").to_owned()
}

fn text(value: Option<Value<'_>>) -> Option<String> {
    value.filter(|value| value.kind() == Kind::Scalar && !value.is_null()).map(|value| value.text().into_owned())
}

fn path<'a>(value: Value<'a>, path: &str) -> Option<Value<'a>> {
    path.split('.').try_fold(value, |value, key| value.get(key))
}
