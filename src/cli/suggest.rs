//! `poolcheck suggest`: where can a pool go?

use std::fmt::Write as _;

use clap::{Args, ValueEnum};
use ipnet::IpNet;
use poolcheck_plan::planner::{Wish, safe_pool, shrink_for_size};
use poolcheck_plan::{AddrRange, AddrSet, ClaimKind};
use poolcheck_rules::World;
use serde::Serialize;

use super::InputArgs;
use crate::exit::Exit;
use crate::output::{self, Style};
use crate::session::{Session, usage};

/// Compute where a pool can safely go.
///
/// The answer meets no claim that is known: not the router's DHCP range, no reservation, node, host or other pool.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck suggest --size 16
  poolcheck suggest --size 16 -o yaml > pool.yaml
  poolcheck suggest --size 8 --subnet 192.168.1.0/24 --facts lan.toml --no-config k8s/")]
pub(crate) struct SuggestArgs {
    #[command(flatten)]
    input: InputArgs,
    /// How many addresses
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    size: u64,
    /// The subnet, when several are known
    #[arg(long, value_name = "PREFIX")]
    subnet: Option<IpNet>,
    /// The name of the pool in the manifests
    #[arg(long, value_name = "NAME", default_value = "main-pool")]
    name: String,
    /// Whose pool is written by `-o yaml`
    #[arg(long = "for", value_enum, value_name = "LOAD BALANCER", default_value_t = Whose::Metallb)]
    whose: Whose,
    /// Verify on the wire that nobody has the addresses, as `poolcheck scan --candidates` does; asks this machine's segment
    #[arg(long, conflicts_with_all = ["subnet", "name", "whose", "output"])]
    scan: bool,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Form::Pretty)]
    output: Form,
}

/// The load balancers whose pools can be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Whose {
    Metallb,
    Cilium,
    KubeVip,
    Purelb,
    Openelb,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    Pretty,
    Yaml,
    Json,
}

/// An answer.
#[derive(Debug, Serialize)]
struct Answer {
    subnet: String,
    pool: String,
    first: String,
    last: String,
    size: String,
    /// Whether nobody claims it today.
    free_today: bool,
    /// What the router's ranges must become first.
    shrink: Vec<ShrinkTo>,
}

#[derive(Debug, Serialize)]
struct ShrinkTo {
    from: String,
    to: Option<String>,
}

pub(crate) fn run(args: &SuggestArgs, style: &Style) -> Exit {
    if args.scan {
        return super::scan::candidates(&args.input, args.size, style);
    }
    let session = match Session::open(&args.input) {
        Ok(session) => session,
        Err(failure) => return failure.tell(style),
    };
    let world = session.world();
    let Some(subnet) = args.subnet.map(|net| net.trunc()).or_else(|| first_subnet(&world)) else {
        return usage("no subnet is known", "write `[[segment]]` with `subnet = \"…\"` in lan.toml, or pass --subnet")
            .tell(style);
    };
    for unseen in world.unseen() {
        output::print_error(&output::pretty::warning(&format!("{}: {}", unseen.of, unseen.why), style));
    }
    match answer(&world, subnet, u128::from(args.size)) {
        Some(answer) => {
            let text = match args.output {
                Form::Pretty => pretty(&answer, &world, subnet),
                Form::Yaml => yaml(&answer, args, &world.metallb_namespace),
                Form::Json => serde_json::to_string_pretty(&answer).unwrap_or_default() + "\n",
            };
            output::finish(output::print(&text), style)
        }
        None => crate::failure::Failure::plain(
            Exit::Unchecked,
            &format!("{subnet} has no room for {} addresses in a row, whatever the router gives up", args.size),
            "take a smaller pool or another subnet; `poolcheck claims` shows who has what",
        )
        .tell(style),
    }
}

fn first_subnet(world: &World<'_>) -> Option<IpNet> {
    world.facts.segments.iter().flat_map(|segment| &segment.subnets).map(|subnet| subnet.value).next()
}

fn answer(world: &World<'_>, subnet: IpNet, size: u128) -> Option<Answer> {
    let ground = world.ground(subnet);
    let wish = Wish { size, keep: AddrSet::new(), current: None };
    let (pool, cuts) = match safe_pool(&ground, &wish) {
        Some(pool) => (pool, Vec::new()),
        None => shrink_for_size(&ground, &wish, &[]).map(|(shrink, pool)| (pool, shrink.cuts))?,
    };
    let shrink: Vec<ShrinkTo> =
        cuts.iter().map(|cut| ShrinkTo { from: cut.from.to_string(), to: cut.to.map(|to| to.to_string()) }).collect();
    Some(Answer {
        subnet: subnet.to_string(),
        pool: written(pool),
        first: pool.first().to_string(),
        last: pool.last().to_string(),
        size: pool.size().to_string(),
        free_today: shrink.is_empty(),
        shrink,
    })
}

/// As MetalLB reads it: one address needs a prefix length.
fn written(pool: AddrRange) -> String {
    if pool.size() == 1 { format!("{pool}/{}", pool.family().bits()) } else { pool.to_string() }
}

fn pretty(answer: &Answer, world: &World<'_>, subnet: IpNet) -> String {
    let mut out = String::new();
    let counted =
        crate::report::counted(answer.size.parse().unwrap_or(usize::MAX), "address").replace("addresss", "addresses");
    if answer.free_today {
        writeln!(out, "{}: {counted} that nobody claims in {}", answer.pool, answer.subnet)
            .expect("writes to a string");
    } else {
        writeln!(out, "nothing is free today in {}", answer.subnet).expect("writes to a string");
        for cut in &answer.shrink {
            let to = cut.to.as_deref().unwrap_or("nothing");
            writeln!(out, "first shrink the router's DHCP range {} to {to}", cut.from).expect("writes to a string");
        }
        writeln!(out, "then use {}, {counted}", answer.pool).expect("writes to a string");
    }
    let whole = AddrRange::from_net(subnet);
    let knows = |kind| world.plan.claims().iter().any(|claim| claim.kind == kind && claim.range.meets(whole));
    if !knows(ClaimKind::DynamicRange) && !world.knows(poolcheck_rules::Fact::Dhcp) {
        out.push_str("not known: the router's DHCP range, so this may lie inside it\n");
    }
    if !knows(ClaimKind::Node) {
        out.push_str("not known: node addresses\n");
    }
    out
}

/// The pool and an advertisement as manifests; what must happen first stands above them as a comment.
fn yaml(answer: &Answer, args: &SuggestArgs, namespace: &str) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Manifest<'a> {
        api_version: &'a str,
        kind: &'a str,
        metadata: Metadata<'a>,
        spec: Spec<'a>,
    }
    #[derive(Serialize)]
    struct Metadata<'a> {
        name: &'a str,
        namespace: &'a str,
    }
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct Spec<'a> {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        addresses: Vec<&'a str>,
        #[serde(skip_serializing_if = "Vec::is_empty", rename = "ipAddressPools")]
        pools: Vec<&'a str>,
    }
    let manifest = |kind: &'static str, addresses: Vec<&str>, pools: Vec<&str>| {
        let metadata = Metadata { name: &args.name, namespace };
        let spec = Spec { addresses, pools };
        serde_yaml::to_string(&Manifest { api_version: "metallb.io/v1beta1", kind, metadata, spec }).unwrap_or_default()
    };
    let mut out = String::new();
    for cut in &answer.shrink {
        let to = cut.to.as_deref().unwrap_or("nothing");
        writeln!(out, "# first shrink the router's DHCP range {} to {to}", cut.from).expect("writes to a string");
    }
    if let Some(peer) = peer(answer, args) {
        out.push_str(&serde_yaml::to_string(&peer).unwrap_or_default());
        return out;
    }
    out.push_str(&manifest("IPAddressPool", vec![&answer.pool], Vec::new()));
    out.push_str("---\n");
    out.push_str(&manifest("L2Advertisement", Vec::new(), vec![&args.name]));
    out
}

/// The pool as another load balancer than MetalLB takes it.
fn peer(answer: &Answer, args: &SuggestArgs) -> Option<serde_json::Value> {
    use serde_json::json;
    let Answer { first, last, subnet, .. } = answer;
    let (name, range) = (&args.name, format!("{first}-{last}"));
    let family = if first.contains(':') { "v6pool" } else { "v4pool" };
    Some(match args.whose {
        Whose::Metallb => return None,
        Whose::Cilium => json!({
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumLoadBalancerIPPool",
            "metadata": { "name": name },
            "spec": { "blocks": [{ "start": first, "stop": last }] },
        }),
        Whose::KubeVip => json!({
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": { "name": "kubevip", "namespace": "kube-system" },
            "data": { "range-global": range },
        }),
        Whose::Purelb => json!({
            "apiVersion": "purelb.io/v1",
            "kind": "ServiceGroup",
            "metadata": { "name": name, "namespace": "purelb" },
            "spec": { "local": { family: { "pool": range, "subnet": subnet, "aggregation": "default" } } },
        }),
        Whose::Openelb => json!({
            "apiVersion": "network.kubesphere.io/v1alpha2",
            "kind": "Eip",
            "metadata": { "name": name },
            "spec": { "address": range, "protocol": "layer2", "interface": format!("can_reach:{first}") },
        }),
    })
}
