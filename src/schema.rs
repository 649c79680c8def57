//! JSON Schemas of the files that people write: `poolcheck.toml`, the facts file and `announcer.toml`, for editors that complete and check TOML.
//!
//! Generated and committed below `docs/schema`. A test lets the readers and the schemas judge the same texts.

#![expect(clippy::needless_pass_by_value, reason = "a part of a schema is made where it is used, and used up")]

use poolcheck_rules::Fact;
use serde_json::{Value, json};

fn table(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "required": required })
}

fn text(description: &str) -> Value {
    json!({ "type": "string", "description": description })
}

fn one_or_many(item: Value, description: &str) -> Value {
    json!({ "description": description, "oneOf": [item.clone(), { "type": "array", "items": item }] })
}

fn choice(words: &[&str], description: &str) -> Value {
    json!({ "enum": words, "description": description })
}

fn finished(mut schema: Value, title: &str) -> String {
    schema["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    schema["title"] = json!(title);
    serde_json::to_string_pretty(&schema).unwrap_or_default() + "\n"
}

/// The schema of `poolcheck.toml`.
pub(crate) fn configuration() -> String {
    let path = |what: &str| one_or_many(json!({ "type": "string" }), what);
    let facts: Vec<&str> = Fact::ALL.map(Fact::name).to_vec();
    let adapters = crate::router::ids();
    let rules: serde_json::Map<String, Value> = poolcheck_rules::all()
        .iter()
        .map(|r| (r.rule.id.to_owned(), choice(&["error", "warning", "note", "off"], r.summary())))
        .collect();
    let substitute = json!({ "type": "object", "additionalProperties": { "type": "string" }, "description": "Variables that Flux puts in." });
    let secret = json!({
        "description": "Where the secret comes from; never the secret itself.",
        "type": "object", "additionalProperties": false, "minProperties": 1, "maxProperties": 1,
        "properties": { "env": text("An environment variable."), "file": text("A file with mode 0600."), "command": text("A command that prints it.") },
    });
    let router = table(
        json!({
            "adapter": { "description": "How it is read or asked: `poolcheck router list`, or an adapter file of your own.", "anyOf": [{ "enum": adapters }, { "type": "string", "pattern": "\\.toml$" }] },
            "file": path("Saved pages or configuration files of the router."),
            "host": text("Its address, for `poolcheck router fetch`."),
            "user": text("The user to log in as."),
            "secret": secret,
            "pin": { "type": "string", "pattern": "^(sha256:)?([0-9A-Fa-f]:?){64}$", "description": "The SHA-256 fingerprint of its TLS certificate." },
            "allow-basic": { "type": "boolean", "description": "Whether the password may be sent readable." },
        }),
        &["adapter"],
    );
    let values = table(
        json!({ "file": path("Helm values files."), "chart": text("The chart that they are for."), "namespace": text("The namespace the chart is installed into.") }),
        &["file", "chart"],
    );
    let cluster = table(
        json!({ "name": text("The cluster's name."), "paths": path("Its folders and files."), "substitute": substitute }),
        &["name", "paths"],
    );
    let ignore = table(
        json!({
            "rule": one_or_many(json!({ "type": "string" }), "The rules that are ignored."),
            "object": text("Only for objects that match: `Kind namespace/name`, with `*`."),
            "path": text("Only in files that match this glob."),
            "reason": text("Why."),
            "until": { "description": "The last day on which it holds.", "type": ["string"], "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" },
        }),
        &["rule"],
    );
    let schema = table(
        json!({
            "facts": path("Files with facts of the LAN."),
            "exclude": one_or_many(json!({ "type": "string" }), "Globs of files to leave out, as in .gitignore."),
            "fail-on": choice(&["error", "warning", "note", "never"], "The level from which findings fail a run."),
            "require": one_or_many(choice(&facts, "A kind of fact."), "Facts without which a run fails."),
            "allow-empty": { "type": "boolean", "description": "Whether a run without pools succeeds." },
            "facts-max-age": { "type": "integer", "minimum": 0, "maximum": 65535, "description": "How old facts read from a router may be, in days." },
            "inline-ignores": { "type": "boolean", "description": "Whether comments and annotations may ignore findings." },
            "baseline": text("The baseline file."),
            "metallb-namespace": text("The namespace MetalLB runs in."),
            "rules": { "type": "object", "additionalProperties": false, "properties": rules, "description": "Levels by rule." },
            "router": one_or_many(router, "Routers, read from saved files or fetched."),
            "values": one_or_many(values, "Helm values files and their charts."),
            "substitute": substitute,
            "cluster": one_or_many(cluster, "Which folders are one cluster."),
            "ignore": one_or_many(ignore, "Findings that are accepted."),
        }),
        &[],
    );
    finished(schema, "poolcheck.toml")
}

/// How sure some keys are.
fn levels(keys: &[&str]) -> Value {
    let level = choice(&["high", "medium", "low"], "How sure it is.");
    let properties: serde_json::Map<String, Value> =
        keys.iter().map(|key| ((*key).to_owned(), level.clone())).collect();
    json!({ "type": "object", "additionalProperties": false, "properties": properties, "description": "How sure a key beside this is." })
}

/// The schema of adapter files.
pub(crate) fn adapter() -> String {
    finished(poolcheck_router_adapters::engine::schema(), "poolcheck adapter file (poolcheck.adapter/v1)")
}

/// The schema of the facts file.
pub(crate) fn facts() -> String {
    let address = json!({ "type": "string", "description": "An IPv4 or IPv6 address." });
    let range = json!({ "type": "string", "description": "`first-last`, both inclusive, or a CIDR." });
    let reservation = table(
        json!({ "address": address, "mac": text("The machine's MAC address."), "name": text("Its name.") }),
        &["address"],
    );
    let reservations = json!({ "type": "array", "items": reservation, "description": "Addresses that the DHCP server keeps for one machine each." });
    let host = table(
        json!({
            "address": address, "mac": text("Its MAC address."), "name": text("Its name."),
            "role": choice(&["node", "router", "dns", "other"], "What it is for."),
        }),
        &["address"],
    );
    let server = table(
        json!({
            "range": one_or_many(range.clone(), "The dynamic ranges."),
            "state": choice(&["on", "off", "relay", "static-only", "unknown"], "Whether it leases."),
            "completeness": choice(&["full", "range-only", "partial"], "How much of it was seen."),
            "confidence": levels(&["range", "state", "server", "exclude", "lease", "reservations"]),
            "server": address,
            "exclude": one_or_many(range.clone(), "Holes that are never leased."),
            "lease": { "type": ["string", "integer"], "description": "Lease time: seconds, or `12h`." },
            "reservations": reservations,
        }),
        &[],
    );
    let segment = table(
        json!({
            "name": text("A name for it."),
            "vlan": { "type": "integer", "minimum": 1, "maximum": 4094, "description": "IEEE 802.1Q VLAN identifier." },
            "subnet": one_or_many(json!({ "type": "string" }), "The on-link prefixes: `192.168.1.0/24`."),
            "gateway": one_or_many(address.clone(), "Default gateways."),
            "dns": one_or_many(address, "DNS servers handed to the LAN's machines."),
            "dhcp": { "description": "A dynamic range, several, `off`, or tables.", "anyOf": [range, { "type": "array", "items": { "type": ["string", "object"] } }, server] },
            "reservations": reservations,
            "hosts": { "type": "array", "items": host, "description": "Machines with a fixed address." },
            "confidence": levels(&["name", "vlan", "subnet", "gateway", "dns"]),
        }),
        &[],
    );
    let router = table(
        json!({
            "adapter": text("The adapter that asked."), "version": { "type": "integer", "minimum": 0, "description": "The adapter's version." },
            "host": text("The router's address."), "read-at": text("When, as RFC 3339."), "segment": one_or_many(segment.clone(), "What it said."),
        }),
        &["adapter", "host"],
    );
    let networks = one_or_many(json!({ "type": "string" }), "CIDRs.");
    let origin = table(
        json!({
            "adapter": text("The adapter that read it."), "title": text("What was read, for people."),
            "read-at": text("When, as RFC 3339."), "confidence": choice(&["high", "medium", "low"], "How sure it is."),
        }),
        &[],
    );
    let schema = table(
        json!({
            "segment": one_or_many(segment, "LAN segments."),
            "cluster": table(json!({ "pods": networks, "services": networks }), &[]),
            "origin": origin,
            "router": one_or_many(router, "In poolcheck.lock: the routers that were asked."),
        }),
        &[],
    );
    finished(schema, "poolcheck facts (lan.toml)")
}

/// The schema of `announcer.toml`.
pub(crate) fn announcer() -> String {
    let words = |description: &str| json!({ "type": "array", "items": { "type": "string" }, "minItems": 1, "description": description });
    let flag = |description: &str| json!({ "type": "boolean", "description": description });
    let time = |description: &str| {
        let written = json!({ "type": "string", "pattern": "^[0-9.]+(ms|s|m|h)$" });
        json!({ "description": description, "oneOf": [written, { "type": "number" }] })
    };
    let many = |description: &str| one_or_many(json!({ "type": "string" }), description);
    let mut key = table(
        json!({ "file": text("A file with mode 0600."), "env": text("An environment variable."), "command": text("A command that prints it, for a shell.") }),
        &[],
    );
    (key["minProperties"], key["maxProperties"]) = (json!(1), json!(1));
    key["description"] = json!("Where the secret is that all nodes share; never the secret itself.");
    let times = table(
        json!({
            "beat": time("A beat leaves so often."),
            "suspect": time("After so long without a sign of life a node is asked for one."),
            "fence": time("After so long without a beat of its own an owner is silent."),
            "dead": time("After so long without a sign of life a node is replaced."),
        }),
        &[],
    );
    let count = json!({ "type": "integer", "minimum": 1, "maximum": 100 });
    let check = table(
        json!({
            "command": words("Good if it ends with status 0."), "every": time("From one run to the next."),
            "timeout": time("What takes longer has failed."), "rise": count, "fall": count,
        }),
        &["command"],
    );
    let address = table(
        json!({
            "address": many("Addresses, ranges or CIDRs."),
            "weight": { "type": "integer", "minimum": -32768, "maximum": 32767, "description": "The higher one is preferred." },
            "hold": flag("Keep an owner while it is ready nowhere."),
            "local": flag("The owner's kernel accepts its traffic."),
            "check": check,
            "notify": words("Run with `owned` or `released` and the address when this machine owns it, and when no more."),
            "together": flag("All of them are owned by one machine."),
        }),
        &["address"],
    );
    let schema = table(
        json!({
            "interface": text("Where to speak."),
            "node": text("This machine's name, different on each."),
            "cluster": text("Only nodes of one cluster hear each other."),
            "key": key,
            "peers": many("Names of the nodes that are listened to."),
            "timing": { "description": "The same on all machines.", "oneOf": [choice(&["default", "fast", "calm"], "A profile."), times] },
            "defence": choice(&["always", "once", "yield"], "What to do about foreign claims."),
            "rebalance": choice(&["never", "excess", "preferred"], "Whether addresses move without need."),
            "refresh": time("One more announcement this often."),
            "subnets": many("Subnets beside those of the interface."),
            "facts": many("Files with facts of the LAN."),
            "hold": flag("What addresses say unless they say otherwise."),
            "socket": text("Where it is spoken to."),
            "metrics": text("A loopback address and a port."),
            "local-interface": text("Where `local` addresses are put."),
            "set-sysctls": flag("Set arp_ignore and arp_announce, and restore them."),
            "address": one_or_many(address, "What is shared."),
        }),
        &["interface", "key", "address"],
    );
    finished(schema, "announcer.toml")
}
