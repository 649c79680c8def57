//! `poolcheck claims`: what did it see?

use std::fmt::Write as _;

use clap::Args;
use poolcheck_plan::{AddrRange, Claim, ClaimKind};
use poolcheck_rules::World;
use serde::Serialize;

use super::{InputArgs, Plain};
use crate::exit::Exit;
use crate::output::{self, Style};
use crate::session::Session;

/// Show every claim on the address space: who, where it was said, how sure.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  poolcheck claims
  poolcheck claims --facts lan.toml -o json k8s/")]
pub(crate) struct ClaimsArgs {
    #[command(flatten)]
    input: InputArgs,
    /// How to tell it
    #[arg(short, long, value_enum, default_value_t = Plain::Pretty)]
    output: Plain,
}

#[derive(Serialize)]
struct JsonClaim<'a> {
    first: String,
    last: String,
    kind: ClaimKind,
    owner: &'a str,
    confidence: poolcheck_plan::Confidence,
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<String>,
    /// The clusters that make the claim, where the tree says which.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    clusters: Vec<&'a str>,
}

pub(crate) fn run(args: &ClaimsArgs, style: &Style) -> Exit {
    let session = match Session::open(&args.input) {
        Ok(session) => session,
        Err(failure) => return failure.tell(style),
    };
    let world = session.world();
    let text = match args.output {
        Plain::Pretty => pretty(&world),
        Plain::Json => json(&world),
    };
    let text = if style.ascii { output::pretty::ascii(&text) } else { text };
    let told = output::finish(output::print(&text), style);
    for problem in &session.problems {
        output::print_error(&format!("{}: {}", problem.name, problem.message));
    }
    if session.problems.is_empty() { told } else { Exit::Unchecked }
}

/// Claims under the subnet they lie in, then the rest.
fn pretty(world: &World<'_>) -> String {
    let mut out = String::new();
    let claims: Vec<&Claim> = world.plan.in_order().map(|(_, claim)| claim).collect();
    let implied = |claim: &Claim| matches!(claim.kind, ClaimKind::NetworkAddress | ClaimKind::BroadcastAddress);
    let mut shown = vec![false; claims.len()];
    for segment in &world.facts.segments {
        for subnet in &segment.subnets {
            let whole = AddrRange::from_net(subnet.value);
            let name = segment.name.as_ref().map_or(String::new(), |name| format!(" {}", name.value));
            writeln!(out, "{}{name}", subnet.value).expect("writes to a string");
            for (i, claim) in claims.iter().enumerate().filter(|(_, c)| whole.covers(c.range)) {
                shown[i] = true;
                if !implied(claim) {
                    out.push_str(&line(claim, world, Some(whole)));
                }
            }
        }
    }
    let rest: Vec<&&Claim> = claims.iter().zip(&shown).filter(|(_, shown)| !**shown).map(|(claim, _)| claim).collect();
    if !rest.is_empty() {
        out.push_str(if out.is_empty() { "" } else { "elsewhere\n" });
        for claim in rest {
            out.push_str(&line(claim, world, None));
        }
    }
    if !world.clusters.names.is_empty() {
        writeln!(out, "clusters: {}", world.clusters.names.join(", ")).expect("writes to a string");
    }
    if claims.is_empty() {
        out.push_str("no claim was seen: no pool, no facts\n");
    }
    out
}

/// The clusters that a claim's text belongs to, where the tree says so.
fn clusters_of<'w>(claim: &Claim, world: &'w World<'_>) -> Vec<&'w str> {
    claim.place.map(|place| world.clusters.names_of(place.source).collect()).unwrap_or_default()
}

fn line(claim: &Claim, world: &World<'_>, within: Option<AddrRange>) -> String {
    let short = |address: std::net::IpAddr| {
        let text = address.to_string();
        // In a /24 or smaller the heading carries the prefix.
        let prefix = within.filter(|w| w.size() <= 256).map(|w| w.first().to_string());
        let stem = prefix.as_deref().and_then(|p| p.rfind(['.', ':']).map(|at| p[..at].to_owned()));
        stem.and_then(|stem| text.strip_prefix(&stem).map(str::to_owned)).unwrap_or(text)
    };
    let (first, last) = (short(claim.range.first()), short(claim.range.last()));
    let range = if claim.range.size() == 1 { first } else { format!("{first} – {last}") };
    let place = claim.place.map_or_else(String::new, |span| output::pretty::title(span, world.sources));
    let sure = match claim.confidence {
        poolcheck_plan::Confidence::High => "",
        poolcheck_plan::Confidence::Medium => " (fairly sure)",
        poolcheck_plan::Confidence::Low => " (not sure)",
    };
    let clusters = match clusters_of(claim, world).as_slice() {
        [] => String::new(),
        names => format!(" [{}]", names.join(", ")),
    };
    format!("  {range:<33} {:<14} {:<30} {place}{clusters}{sure}\n", kind_name(claim.kind), claim.owner)
}

const fn kind_name(kind: ClaimKind) -> &'static str {
    match kind {
        ClaimKind::Pool => "pool",
        ClaimKind::DynamicRange => "dhcp range",
        ClaimKind::Reservation => "reserved",
        ClaimKind::Gateway => "router",
        ClaimKind::DnsServer => "dns server",
        ClaimKind::Node => "node",
        ClaimKind::Host => "host",
        ClaimKind::NetworkAddress => "network",
        ClaimKind::BroadcastAddress => "broadcast",
        ClaimKind::PodCidr => "pod network",
        ClaimKind::ServiceCidr => "service network",
        ClaimKind::Requested => "requested",
    }
}

fn json(world: &World<'_>) -> String {
    let claims: Vec<JsonClaim<'_>> = world
        .plan
        .in_order()
        .map(|(_, claim)| JsonClaim {
            first: claim.range.first().to_string(),
            last: claim.range.last().to_string(),
            kind: claim.kind,
            owner: &claim.owner,
            confidence: claim.confidence,
            place: claim.place.map(|span| output::pretty::title(span, world.sources)),
            clusters: clusters_of(claim, world),
        })
        .collect();
    serde_json::to_string_pretty(&claims).unwrap_or_default() + "\n"
}
