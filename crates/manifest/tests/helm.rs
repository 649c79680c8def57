//! Releases in the forms that GitOps keeps them in.

use poolcheck_manifest::helm::{self, Release, Setting, Shelf};
use poolcheck_manifest::{Limits, ManifestFile, Object, Value};
use poolcheck_plan::SourceId;

/// A tree of nothing but the file itself.
struct Own<'a>(&'a ManifestFile);

impl<'a> Shelf<'a> for Own<'a> {
    fn config_map(&self, _: &Object<'a>, name: &str, key: &str) -> Option<Value<'a>> {
        let objects = self.0.objects();
        let map = objects.iter().find(|o| o.kind() == "ConfigMap" && o.name().is_some_and(|own| own == name))?;
        map.value.get("data")?.get(key)?.embedded()?.roots().next()
    }

    fn file(&self, _: Value<'a>, _: &str) -> Option<Value<'a>> {
        None
    }

    fn object(&self, kind: &str, name: &str, _: Option<&str>) -> Option<Object<'a>> {
        self.0.objects().into_iter().find(|o| o.kind() == kind && o.name().is_some_and(|own| own == name))
    }
}

fn parse(text: &str) -> ManifestFile {
    ManifestFile::parse(SourceId(0), text.into(), &Limits::default())
}

fn releases(file: &ManifestFile) -> Vec<Release<'_>> {
    let shelf = Own(file);
    file.objects().iter().flat_map(|object| helm::of_object(object, &shelf)).collect()
}

/// What a setting says, as the bytes of the file.
fn said<'t>(release: &Release<'_>, path: &str, text: &'t str) -> &'t str {
    match release.get(path) {
        Setting::Said(value) => &text[value.span().range()],
        Setting::Default => "(default)",
        Setting::Unknown(span, _) => &text[span.range()],
    }
}

#[test]
fn flux_values_come_last_and_a_secret_makes_the_rest_unknown() {
    let text = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: traefik, namespace: flux-system}
spec:
  targetNamespace: traefik
  chart: {spec: {chart: traefik, version: 35.0.1}}
  valuesFrom:
  - {kind: ConfigMap, name: base}
  - {kind: Secret, name: hidden, targetPath: dashboard.password}
  values:
    service: {type: LoadBalancer}
    hostNetwork: ${HOST}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: base, namespace: flux-system}
data:
  values.yaml: |
    service: {type: ClusterIP}
    deployment:
      replicas: 2
";
    let file = parse(text);
    let releases = releases(&file);
    let release = &releases[0];
    assert_eq!((release.name.as_str(), release.namespace.as_deref()), ("traefik", Some("traefik")));
    assert!(release.is_of("traefik"));
    assert_eq!(release.chart.as_ref().and_then(helm::Chart::exact_version), helm::ChartVersion::parse("35.0.1"));
    assert_eq!(said(release, "service.type", text), "LoadBalancer");
    assert_eq!(said(release, "deployment.replicas", text), "2");
    assert!(matches!(release.get("hostNetwork"), Setting::Unknown(..)));
    assert_eq!(said(release, "nodeSelector", text), "{kind: Secret, name: hidden, targetPath: dashboard.password}");
    let plain = text.replace("  - {kind: Secret, name: hidden, targetPath: dashboard.password}\n", "");
    assert_eq!(said(&self::releases(&parse(&plain))[0], "nodeSelector", &plain), "(default)");
}

#[test]
fn argo_has_one_release_a_source_and_parameters_win() {
    let text = "\
apiVersion: argoproj.io/v1alpha1
kind: Application
metadata: {name: metallb, namespace: argocd}
spec:
  destination: {namespace: metallb-system}
  sources:
  - repoURL: https://metallb.github.io/metallb
    chart: metallb
    targetRevision: 0.14.x
    helm:
      valuesObject: {speaker: {frr: {enabled: false}}}
      parameters: [{name: speaker.logLevel, value: debug}]
      values: |
        speaker:
          tolerations:
          - key: node-role.kubernetes.io/control-plane # both
          frr: {enabled: true}
  - repoURL: https://example.org/git
    path: metallb
";
    let file = parse(text);
    let releases = releases(&file);
    assert_eq!(releases.len(), 1);
    let release = &releases[0];
    assert_eq!(release.namespace.as_deref(), Some("metallb-system"));
    assert_eq!(release.chart.as_ref().and_then(helm::Chart::exact_version), None);
    assert_eq!(said(release, "speaker.frr.enabled", text), "false");
    assert_eq!(said(release, "speaker.logLevel", text), "debug");
    let tolerations = release.get("speaker.tolerations").said().expect("they are there");
    let key = tolerations.items().next().and_then(|first| first.get("key")).expect("it has a key");
    assert_eq!(&text[key.span().range()], "node-role.kubernetes.io/control-plane");
    assert!(matches!(release.get("controller.tolerations"), Setting::Default));
}

#[test]
fn a_helm_chart_and_its_config_are_one_release() {
    let text = "\
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: traefik, namespace: kube-system}
spec:
  chart: https://%{KUBERNETES_API}%/static/charts/traefik-25.0.2.tgz
  valuesContent: |-
    service: {type: ClusterIP}
---
apiVersion: helm.cattle.io/v1
kind: HelmChartConfig
metadata: {name: traefik, namespace: kube-system}
spec:
  valuesContent: |-
    service: {type: NodePort}
---
apiVersion: helm.cattle.io/v1
kind: HelmChart
metadata: {name: templated, namespace: kube-system}
spec:
  chart: metallb
  valuesContent: |-
    speaker: {{ .Values.speaker }}
";
    let file = parse(text);
    let releases = releases(&file);
    assert_eq!(releases.len(), 2);
    assert_eq!(said(&releases[0], "service.type", text), "NodePort");
    assert!(matches!(releases[1].get("speaker.tolerations"), Setting::Unknown(..)));
}

#[test]
fn pools_are_found_where_they_hide() {
    let text = "\
apiVersion: helm.toolkit.fluxcd.io/v2
kind: HelmRelease
metadata: {name: metallb, namespace: metallb-system}
spec:
  values:
    configInline:
      address-pools:
      - {name: old, protocol: layer2, addresses: [10.0.0.1-10.0.0.9]}
    resources:
    - apiVersion: metallb.io/v1beta1
      kind: IPAddressPool
      metadata: {name: raw}
      spec: {addresses: [10.0.1.1-10.0.1.9]}
    extraDeploy:
    - |
      apiVersion: metallb.io/v1beta1
      kind: IPAddressPool
      metadata: {name: string}
      spec:
        addresses: [10.0.2.1-10.0.2.9]
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec:
  healthChecks:
  - {apiVersion: metallb.io/v1beta1, kind: IPAddressPool, name: raw, namespace: metallb-system}
  patches:
  - patch: |
      apiVersion: metallb.io/v1beta1
      kind: IPAddressPool
      metadata: {name: raw}
      spec: {addresses: [10.0.3.1-10.0.3.9]}
";
    let file = parse(text);
    let pools: Vec<_> =
        file.objects().iter().filter_map(poolcheck_manifest::kinds::metallb::pool).map(|pool| pool.name).collect();
    assert_eq!(pools, ["raw", "string"]);
    let old = file.config_map_pools();
    assert_eq!(old.iter().map(|pool| pool.name.as_str()).collect::<Vec<_>>(), ["old"]);
    assert_eq!(old[0].object.reference(), "HelmRelease metallb-system/metallb");
}
