//! What the Kubernetes objects we know look like: one file per load balancer, one per core kind.

pub mod calico;
pub mod cilium;
pub mod kube_vip;
pub mod metallb;
pub mod node;
pub mod openelb;
pub mod platform;
pub mod pool;
pub mod purelb;
pub mod service;
pub mod workload;

use crate::object::Object;
use crate::value::Value;
use pool::Pool;

/// The pools that an object holds, whichever load balancer they belong to; several in a kube-vip ConfigMap.
///
/// MetalLB's ConfigMap is not among them: it is a text in a text, see [`ManifestFile::config_map_pools`].
///
/// [`ManifestFile::config_map_pools`]: crate::ManifestFile::config_map_pools
pub fn pools<'a>(object: &Object<'a>) -> Vec<Pool<'a>> {
    let one = [metallb::pool, cilium::pool, purelb::pool, openelb::pool, calico::pool];
    let found = one.iter().find_map(|pool| pool(object));
    found.map_or_else(|| kube_vip::config_map_pools(object), |pool| vec![pool])
}

/// The words without which no file holds an object of these kinds: a file without any of them need not be parsed.
pub fn words() -> impl Iterator<Item = &'static str> {
    let lists = [
        metallb::WORDS,
        cilium::WORDS,
        kube_vip::WORDS,
        purelb::WORDS,
        openelb::WORDS,
        calico::WORDS,
        service::WORDS,
        node::WORDS,
    ];
    lists.into_iter().flatten().copied()
}

/// The words by which a file says what runs beside a pool.
pub fn support_words() -> impl Iterator<Item = &'static str> {
    [service::SUPPORT_WORDS, workload::SUPPORT_WORDS, platform::SUPPORT_WORDS].into_iter().flatten().copied()
}

/// The pools that a chart makes of its values, by the chart's name.
pub fn pools_of_values<'a>(chart: &str, object: &Object<'a>, values: Value<'a>) -> Vec<Pool<'a>> {
    match chart {
        "purelb" => purelb::pools_from_values(object, values),
        "kube-vip-cloud-provider" => kube_vip::pools_from_values(object, values),
        _ => Vec::new(),
    }
}
