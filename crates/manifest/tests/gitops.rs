//! Trees as GitOps tools apply them: variables, overlays, clusters.

use std::collections::BTreeMap;

use poolcheck_manifest::kinds::metallb;
use poolcheck_manifest::tree::{ClusterOption, Composed, Definition, Options, Together, compose};
use poolcheck_manifest::{Limits, ManifestFile};
use poolcheck_plan::{Confidence, SourceKind, Sources};

struct Applied {
    sources: Sources,
    composed: Composed,
}

fn apply(files: &[(&str, &str)], options: &Options) -> Applied {
    let mut sources = Sources::new();
    let parsed: Vec<ManifestFile> = files
        .iter()
        .map(|(name, text)| {
            let source = sources.add(*name, SourceKind::File, *text);
            ManifestFile::parse(source, (*text).into(), &Limits::default())
        })
        .collect();
    let composed = compose(&parsed, &mut sources, options, &Limits::default());
    Applied { sources, composed }
}

impl Applied {
    /// (file, clusters, what each pool entry says, the bytes it points at) of every pool entry.
    fn pools(&self) -> Vec<(String, Vec<&str>, String, String)> {
        let mut found = Vec::new();
        for file in &self.composed.files {
            let clusters: Vec<&str> = self.composed.clusters.names_of(file.source()).collect();
            for pool in file.objects().iter().filter_map(metallb::pool) {
                for entry in &pool.entries {
                    let span = entry.value.span();
                    let name = self.sources.get(span.source).name.clone();
                    let said = entry.range().map_or_else(|| "?".to_owned(), |range| range.to_string());
                    found.push((name, clusters.clone(), said, self.sources.slice(span).to_owned()));
                }
            }
        }
        found.sort();
        found
    }

    fn said(&self) -> Vec<String> {
        self.pools().into_iter().map(|(_, _, said, _)| said).collect()
    }
}

const POOL: &str = "\
apiVersion: metallb.io/v1beta1
kind: IPAddressPool
metadata:
  name: main-pool
  namespace: metallb-system
spec:
  addresses:
  - ${LB_RANGE}
";

fn flux(name: &str, path: &str, rest: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {{name: {name}, namespace: flux-system}}\nspec:\n  path: {path}\n{rest}"
    )
}

fn settings(range: &str) -> String {
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: settings, namespace: flux-system}}\ndata:\n  LB_RANGE: {range}\n"
    )
}

const FROM_SETTINGS: &str = "  postBuild:\n    substituteFrom:\n    - {kind: ConfigMap, name: settings}\n";

#[test]
fn two_clusters_make_two_pools_of_one_file() {
    let files = [
        ("clusters/home/apps.yaml", flux("apps", "./apps", FROM_SETTINGS)),
        ("clusters/home/settings.yaml", settings("192.168.1.240-192.168.1.245")),
        ("clusters/lab/apps.yaml", flux("apps", "./apps", FROM_SETTINGS)),
        ("clusters/lab/settings.yaml", settings("192.168.2.240-192.168.2.245")),
        ("clusters/home/root.yaml", flux("root", "./clusters/home", "")),
        ("clusters/lab/root.yaml", flux("root", "./clusters/lab", "")),
        ("apps/metallb/pool.yaml", POOL.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let applied = apply(&files, &Options::default());
    let pool = |cluster, range: &str| {
        ("apps/metallb/pool.yaml".to_owned(), vec![cluster], range.to_owned(), "${LB_RANGE}".to_owned())
    };
    assert_eq!(
        applied.pools(),
        [pool("home", "192.168.1.240-192.168.1.245"), pool("lab", "192.168.2.240-192.168.2.245"),]
    );
    let uses: Vec<_> = applied.composed.files.iter().flat_map(ManifestFile::substitutions).collect();
    let places: Vec<_> =
        uses.iter().filter_map(|s| s.definition.place).map(|p| applied.sources.get(p.source).name.as_str()).collect();
    assert_eq!(places, ["clusters/home/settings.yaml", "clusters/lab/settings.yaml"]);
    let ids: Vec<_> =
        applied.composed.files.iter().filter(|f| !f.substitutions().is_empty()).map(ManifestFile::source).collect();
    assert_eq!(applied.composed.clusters.together(ids[0], ids[1]), Together::No);
}

#[test]
fn variables_come_from_the_user_then_flux_then_one_voice() {
    let inline = flux("apps", "./apps", "  postBuild:\n    substitute: {LB_RANGE: 10.0.0.1-10.0.0.9}\n");
    let files = [("cluster/apps.yaml", inline.as_str()), ("apps/pool.yaml", POOL)];
    assert_eq!(apply(&files, &Options::default()).said(), ["10.0.0.1-10.0.0.9"]);
    let definition = Definition { value: "10.0.0.1/32".into(), place: None, confidence: Confidence::High };
    let options = Options { substitute: BTreeMap::from([("LB_RANGE".into(), definition)]), ..Options::default() };
    assert_eq!(apply(&files, &options).said(), ["10.0.0.1"]);

    let one = settings("10.0.0.0/24");
    let alone = [("settings.yaml", one.as_str()), ("apps/pool.yaml", POOL)];
    let applied = apply(&alone, &Options::default());
    assert_eq!(applied.said(), ["10.0.0.0-10.0.0.255"]);
    let sure: Vec<_> =
        applied.composed.files.iter().flat_map(ManifestFile::substitutions).map(|s| s.definition.confidence).collect();
    assert_eq!(sure, [Confidence::Medium]);
    let other = settings("10.0.1.0/24");
    let two = [("a/settings.yaml", one.as_str()), ("b/settings.yaml", other.as_str()), ("apps/pool.yaml", POOL)];
    assert_eq!(apply(&two, &Options::default()).said(), ["?"]);
}

#[test]
fn a_default_holds_unless_a_secret_may_say_more() {
    let pool = POOL.replace("${LB_RANGE}", "${LB_RANGE:=10.0.0.1-10.0.0.4}");
    assert_eq!(apply(&[("pool.yaml", &pool)], &Options::default()).said(), ["10.0.0.1-10.0.0.4"]);
    let hidden = flux("apps", "./apps", "  postBuild:\n    substituteFrom:\n    - {kind: Secret, name: hidden}\n");
    let files = [("cluster/apps.yaml", hidden.as_str()), ("apps/pool.yaml", &pool)];
    assert_eq!(apply(&files, &Options::default()).said(), ["?"]);
}

#[test]
fn encrypted_and_circular_variables_stay_unknown() {
    let sops = settings("ENC[AES256_GCM,data:x,type:str]");
    assert_eq!(apply(&[("s.yaml", &sops), ("pool.yaml", POOL)], &Options::default()).said(), ["?"]);
    let circle = settings("${OTHER}\n  OTHER: ${LB_RANGE}");
    assert_eq!(apply(&[("s.yaml", &circle), ("pool.yaml", POOL)], &Options::default()).said(), ["?"]);
}

fn overlay(patch: &str) -> Vec<(String, Vec<String>, String, String)> {
    let base = POOL.replace("${LB_RANGE}", "10.0.0.1-10.0.0.9 # base");
    let mut files = vec![
        ("base/kustomization.yaml", "resources: [pool.yaml]\n"),
        ("base/pool.yaml", base.as_str()),
        ("home/kustomization.yaml", patch),
        ("lab/kustomization.yaml", "resources: [../base]\n"),
        (
            "home/patch.yaml",
            "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool}\nspec:\n  addresses:\n  - 10.9.0.1-10.9.0.9\n",
        ),
    ];
    files.retain(|(name, _)| *name != "home/patch.yaml" || patch.contains("patch.yaml"));
    let applied = apply(&files, &Options::default());
    let owned = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
    applied.pools().into_iter().map(|(file, clusters, said, bytes)| (file, owned(clusters), said, bytes)).collect()
}

fn entry(file: &str, cluster: &str, said: &str, bytes: &str) -> (String, Vec<String>, String, String) {
    (file.to_owned(), vec![cluster.to_owned()], said.to_owned(), bytes.to_owned())
}

#[test]
fn overlays_of_one_base_are_clusters_and_their_patches_are_followed() {
    let untouched = entry("base/pool.yaml", "lab", "10.0.0.1-10.0.0.9", "10.0.0.1-10.0.0.9");
    let by_file = overlay("resources: [../base]\npatches:\n- path: patch.yaml\n");
    assert_eq!(
        by_file,
        [untouched.clone(), entry("home/patch.yaml", "home", "10.9.0.1-10.9.0.9", "10.9.0.1-10.9.0.9")]
    );
    let json = overlay(
        "resources: [../base]\npatches:\n- target: {kind: IPAddressPool, name: main-pool}\n  patch: |-\n    - op: replace\n      path: /spec/addresses/0\n      value: 10.8.0.1-10.8.0.9\n",
    );
    assert_eq!(
        json,
        [untouched.clone(), entry("home/kustomization.yaml", "home", "10.8.0.1-10.8.0.9", "10.8.0.1-10.8.0.9")]
    );
    let vague = overlay(
        "resources: [../base]\npatches:\n- target: {kind: IPAddressPool, labelSelector: a=b}\n  patch: |-\n    - op: remove\n      path: /spec/addresses/0\n",
    );
    assert_eq!(vague, [untouched], "what cannot be followed is not judged");
}

#[test]
fn a_patch_adds_what_is_not_there() {
    let patch = "resources: [../base]\nnamespace: lb\npatches:\n- patch: |\n    apiVersion: metallb.io/v1beta1\n    kind: IPAddressPool\n    metadata: {name: main-pool}\n    spec: {autoAssign: false}\n";
    let base = POOL.replace("${LB_RANGE}", "10.0.0.1-10.0.0.9");
    let files = [
        ("base/kustomization.yaml", "resources: [pool.yaml]\n"),
        ("base/pool.yaml", base.as_str()),
        ("home/kustomization.yaml", patch),
    ];
    let applied = apply(&files, &Options::default());
    let objects: Vec<_> = applied.composed.files.iter().flat_map(ManifestFile::objects).collect();
    let pool = objects.iter().find_map(metallb::pool).expect("it is there");
    assert!(!pool.auto_assign);
    assert_eq!(pool.object.namespace().as_deref(), Some("lb"));
    assert_eq!(pool.entries.len(), 1);
}

#[test]
fn clusters_that_the_user_names_come_first() {
    let files = [("a/pool.yaml", "kind: IPAddressPool\n"), ("b/pool.yaml", "kind: X\n"), ("c.yaml", "kind: X\n")];
    let option = |name: &str, path: &str| ClusterOption {
        name: name.into(),
        paths: vec![path.into()],
        substitute: BTreeMap::new(),
    };
    let options = Options { clusters: vec![option("one", "a"), option("two", "b")], ..Options::default() };
    let applied = apply(&files, &options);
    let of: Vec<Vec<&str>> =
        applied.composed.files.iter().map(|f| applied.composed.clusters.names_of(f.source()).collect()).collect();
    assert_eq!(of, [vec!["one"], vec!["two"], vec![]]);
}

#[test]
fn the_same_pool_in_two_branches_is_two_clusters() {
    let pool = POOL.replace("${LB_RANGE}", "10.0.0.1-10.0.0.9");
    let other = pool.replace("main-pool", "other");
    let files = [
        ("a/pool.yaml", pool.as_str()),
        ("b/metallb/pool.yaml", &pool),
        ("a/other.yaml", &other),
        ("b/other.yaml", &other),
    ];
    let applied = apply(&files, &Options::default());
    let id: Vec<_> = applied.composed.files.iter().map(ManifestFile::source).collect();
    let clusters = &applied.composed.clusters;
    assert_eq!(clusters.together(id[0], id[1]), Together::No);
    assert_eq!(clusters.together(id[0], id[2]), Together::Yes);
    assert_eq!(clusters.together(id[1], id[3]), Together::Yes);
}

#[test]
fn an_overlay_that_includes_itself_ends() {
    let files = [
        ("a/kustomization.yaml", "resources: [../b, pool.yaml]\n"),
        ("b/kustomization.yaml", "resources: [../a]\n"),
        ("a/pool.yaml", POOL),
    ];
    assert_eq!(apply(&files, &Options::default()).said(), ["?"]);
}

#[test]
fn what_is_not_followed_stays_so_when_a_variable_is_put_in_afterwards() {
    let patch = "- target: {kind: IPAddressPool}\n  patch: |-\n    - op: remove\n      path: /spec/addresses/0\n";
    let files = [
        ("clusters/home/apps.yaml", flux("apps", "./apps", FROM_SETTINGS)),
        ("clusters/home/settings.yaml", settings("192.168.1.240-192.168.1.250")),
        ("apps/kustomization.yaml", format!("namespace: other\nresources: [pool.yaml]\npatches:\n{patch}")),
        ("apps/pool.yaml", POOL.to_owned()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let applied = apply(&files, &Options::default());
    assert_eq!(applied.said(), Vec::<String>::new());
    let left_out: usize = applied.composed.files.iter().map(|file| file.templates().count()).sum();
    assert_eq!(left_out, 1, "the pool is named among what is not checked");
}
