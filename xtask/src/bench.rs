//! `cargo xtask bench`: figures, each as a ratio to a peer measured in the same run.
//!
//! `cargo xtask bench check [TREE…]` times `poolcheck check` against ripgrep listing the files that hold the same words, and
//! against kubeconform, which parses every document, on a generated GitOps tree of 10,000 files and on the trees given.
//! `cargo xtask bench scan` times the scanner against arp-scan and nmap: see `scan`.
//! `cargo xtask bench announce` measures announcers: see `announce`.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use super::{cargo, root};

mod announce;
mod lab;
mod scan;

pub(crate) fn run() -> Result<(), String> {
    let arguments: Vec<String> = std::env::args().skip(2).collect();
    match arguments.split_first() {
        None => cargo(&["bench", "--workspace"], &[]),
        Some((what, trees)) if what == "check" => check(trees),
        Some((what, arguments)) if what == "scan" => scan::run(arguments),
        Some((what, arguments)) if what == "announce" => announce::run(arguments),
        Some((what, _)) => Err(format!(
            "no benchmark `{what}`; there are `check`, `scan`, `announce`, and all of `cargo bench` without a name"
        )),
    }
}

#[expect(clippy::print_stdout, reason = "the figures are what it is for")]
fn check(trees: &[String]) -> Result<(), String> {
    needs("hyperfine", "apt-get install -y hyperfine")?;
    needs("rg", "apt-get install -y ripgrep")?;
    needs("kubeconform", "go install github.com/yannh/kubeconform/cmd/kubeconform@latest")?;
    cargo(&["build", "--release", "--quiet", "--bin", "poolcheck"], &[])?;
    let generated = root().join("target/bench/gitops");
    tree(&generated).map_err(|error| error.to_string())?;
    let one = root().join("target/bench/one");
    fs::create_dir_all(&one)
        .and_then(|()| fs::write(one.join("pool.yaml"), POOL))
        .map_err(|error| error.to_string())?;
    println!("| tree | files | poolcheck | ripgrep | ratio | kubeconform | ratio | peak memory |");
    println!("|---|---|---|---|---|---|---|---|");
    for path in std::iter::once(generated).chain(trees.iter().map(PathBuf::from)) {
        println!("{}", row(&path)?);
    }
    let program = root().join("target/release/poolcheck");
    let single = format!("{} check --no-config --fail-on never {}", program.display(), one.join("pool.yaml").display());
    println!("\none small file: {:.1} ms", measure(&[single], 50)?[0] * 1000.0);
    Ok(())
}

fn needs(program: &str, install: &str) -> Result<(), String> {
    let found = Command::new(program).arg("--version").output().or_else(|_| Command::new(program).arg("-v").output());
    found.map(|_| ()).map_err(|_| format!("{program} is needed: {install}"))
}

fn row(tree: &Path) -> Result<String, String> {
    let program = root().join("target/release/poolcheck");
    let path = tree.display();
    let own = format!("{} check --no-config --fail-on never --allow-empty -o json=/dev/null {path}", program.display());
    let words: Vec<String> = poolcheck::words().iter().map(|word| format!("-e '{word}'")).collect();
    let grep = format!("rg -l --no-config -F {} -g '*.{{yaml,yml,json}}' {path}", words.join(" "));
    let parse = format!("kubeconform -ignore-missing-schemas -schema-location /nowhere {path}");
    let quick = measure(&[own.clone(), grep], 15)?;
    let slow = measure(&[parse], 3)?;
    let files = Command::new("sh").args(["-c", &format!("find {path} -type f | wc -l")]).output();
    let files = files.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    Ok(format!(
        "| {} | {files} | {:.0} ms | {:.0} ms | {:.2} | {:.0} ms | 1/{:.0} | {} MB |",
        tree.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned()),
        quick[0] * 1000.0,
        quick[1] * 1000.0,
        quick[0] / quick[1],
        slow[0] * 1000.0,
        slow[0] / quick[0],
        peak(&own)? / 1024,
    ))
}

/// Median seconds of each command, measured in turns in one run.
fn measure(commands: &[String], runs: usize) -> Result<Vec<f64>, String> {
    let report = root().join("target/bench/hyperfine.json");
    let mut hyperfine = Command::new("hyperfine");
    hyperfine.args(["-N", "-i", "-w", "2", "-r", &runs.to_string(), "--export-json"]).arg(&report).args(commands);
    let output = hyperfine.output().map_err(|error| error.to_string())?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    let report = fs::read(&report).map_err(|error| error.to_string())?;
    let report: Value = serde_json::from_slice(&report).map_err(|error| error.to_string())?;
    let results = report["results"].as_array().cloned().unwrap_or_default();
    Ok(results.iter().filter_map(|result| result["median"].as_f64()).collect())
}

/// The largest resident set of a command in KiB.
fn peak(command: &str) -> Result<u64, String> {
    let script = format!(
        "import resource,subprocess;subprocess.run({command:?}.split(),stdout=subprocess.DEVNULL,stderr=subprocess.DEVNULL);print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    );
    let output = Command::new("python3").args(["-c", &script]).output().map_err(|error| error.to_string())?;
    String::from_utf8_lossy(&output.stdout).trim().parse().map_err(|_| "the peak could not be measured".to_owned())
}

const POOL: &str = "apiVersion: metallb.io/v1beta1\nkind: IPAddressPool\nmetadata: {name: main-pool, namespace: metallb-system}\nspec:\n  addresses:\n  - 192.168.1.240-192.168.1.250\n";

/// A GitOps tree as people keep them: 1,250 applications of eight files each, a few custom resource definitions of 500 kB,
/// a few files of 1 MB, three pools, a Service of type LoadBalancer in one application of a hundred.
fn tree(folder: &Path) -> std::io::Result<()> {
    const DONE: &str = ".done-2";
    if folder.join(DONE).exists() {
        return Ok(());
    }
    let write = |name: String, text: String| {
        let path = folder.join(name);
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::write(path, text)
    };
    for number in 0..1_250 {
        let (app, space) = (format!("app-{number}"), format!("space-{}", number % 40));
        let at = |file: &str| format!("kubernetes/apps/{space}/{app}/{file}");
        let resources = ["helmrelease", "configmap", "secret", "deployment", "service", "networkpolicy"];
        write(at("ks.yaml"), flux(&app, &space))?;
        write(at("app/kustomization.yaml"), kustomization(&resources))?;
        write(at("app/helmrelease.yaml"), helm_release(&app, number))?;
        write(at("app/configmap.yaml"), config_map(&app, number))?;
        write(at("app/secret.yaml"), secret(&app, number))?;
        write(at("app/deployment.yaml"), deployment(&app))?;
        write(at("app/service.yaml"), service(&app, number))?;
        write(at("app/networkpolicy.yaml"), policy(&app))?;
    }
    for number in 0..20 {
        write(format!("kubernetes/crds/crd-{number}.yaml"), definition(number, 500_000))?;
    }
    for number in 0..8 {
        write(format!("kubernetes/dashboards/dashboard-{number}.yaml"), dashboard(number, 1_000_000))?;
    }
    for number in 0..3 {
        let text =
            POOL.replace("main-pool", &format!("pool-{number}")).replace("192.168.1.", &format!("10.0.{number}."));
        write(format!("kubernetes/apps/network/metallb/config/pool-{number}.yaml"), text)?;
    }
    write(
        "kubernetes/apps/network/metallb/config/l2.yaml".to_owned(),
        "apiVersion: metallb.io/v1beta1\nkind: L2Advertisement\nmetadata: {name: l2, namespace: metallb-system}\n"
            .to_owned(),
    )?;
    write(DONE.to_owned(), String::new())
}

/// So many lines.
fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    (0..count).fold(String::new(), |text, number| text + &line(number) + "\n")
}

fn flux(app: &str, space: &str) -> String {
    format!(
        "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata:\n  name: {app}\n  namespace: flux-system\nspec:\n  targetNamespace: {space}\n  path: ./kubernetes/apps/{space}/{app}/app\n  interval: 30m\n  prune: true\n  sourceRef:\n    kind: GitRepository\n    name: home\n  postBuild:\n    substitute:\n      APP: {app}\n"
    )
}

fn kustomization(resources: &[&str]) -> String {
    let lines = lines(resources.len(), |entry| format!("- ./{}.yaml", resources[entry]));
    format!("apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n{lines}")
}

fn helm_release(app: &str, number: usize) -> String {
    let environment = lines(20, |entry| format!("            VALUE_{entry}: \"{}\"", number * 31 + entry));
    format!(
        "apiVersion: helm.toolkit.fluxcd.io/v2\nkind: HelmRelease\nmetadata:\n  name: &app {app}\nspec:\n  interval: 1h\n  chartRef:\n    kind: OCIRepository\n    name: app-template\n  values:\n    controllers:\n      {app}:\n        containers:\n          app:\n            image: {{repository: ghcr.io/example/{app}, tag: 1.{number}.0}}\n            env:\n{environment}    service:\n      app:\n        controller: *app\n        ports:\n          http: {{port: 8080}}\n    ingress:\n      app:\n        className: internal\n        hosts: [{{host: \"{app}.${{SECRET_DOMAIN}}\"}}]\n"
    )
}

fn config_map(app: &str, number: usize) -> String {
    let lines = lines(30, |line| format!("    option.{line} = {}", number + line));
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {app}\ndata:\n  app.conf: |\n{lines}")
}

fn secret(app: &str, number: usize) -> String {
    let data = lines(6, |entry| format!("  KEY_{entry}: ENC[AES256_GCM,data:{:032x},type:str]", number * 7 + entry));
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {app}\nstringData:\n{data}sops:\n  version: 3.9.0\n")
}

fn deployment(app: &str) -> String {
    format!(
        "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: {app}\n  labels: {{app.kubernetes.io/name: {app}}}\nspec:\n  replicas: 1\n  selector:\n    matchLabels: {{app.kubernetes.io/name: {app}}}\n  template:\n    metadata:\n      labels: {{app.kubernetes.io/name: {app}}}\n    spec:\n      containers:\n      - name: app\n        image: ghcr.io/example/{app}:1.0.0\n        ports: [{{containerPort: 8080}}]\n        resources:\n          requests: {{cpu: 10m, memory: 64Mi}}\n          limits: {{memory: 256Mi}}\n        readinessProbe:\n          httpGet: {{path: /healthz, port: 8080}}\n"
    )
}

fn service(app: &str, number: usize) -> String {
    let kind = if number.is_multiple_of(100) { "LoadBalancer" } else { "ClusterIP" };
    format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {app}\nspec:\n  type: {kind}\n  selector: {{app.kubernetes.io/name: {app}}}\n  ports:\n  - name: http\n    port: 80\n    targetPort: 8080\n"
    )
}

fn policy(app: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {app}\nspec:\n  podSelector:\n    matchLabels: {{app.kubernetes.io/name: {app}}}\n  policyTypes: [Ingress]\n  ingress:\n  - from:\n    - namespaceSelector: {{}}\n"
    )
}

fn definition(number: usize, size: usize) -> String {
    let mut text = format!(
        "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: things{number}.example.org\nspec:\n  group: example.org\n  versions:\n  - name: v1\n    schema:\n      openAPIV3Schema:\n        type: object\n        properties:\n"
    );
    let mut field = 0;
    while text.len() < size {
        writeln!(text, "          field{field}:\n            description: What the field {field} of this object says, at some length, as generated definitions do.\n            type: string").expect("writes to a string");
        field += 1;
    }
    text
}

fn dashboard(number: usize, size: usize) -> String {
    let mut text = format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: dashboard-{number}\ndata:\n  dashboard.json: |\n    {{\"panels\": [\n"
    );
    let mut panel = 0;
    while text.len() < size {
        writeln!(text, "      {{\"id\": {panel}, \"type\": \"timeseries\", \"title\": \"Panel {panel}\", \"targets\": [{{\"expr\": \"sum(rate(http_requests_total[5m]))\"}}]}},").expect("writes to a string");
        panel += 1;
    }
    text.push_str("      {}]}\n");
    text
}
