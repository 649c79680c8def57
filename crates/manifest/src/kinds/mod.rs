//! What the Kubernetes objects we know look like: one file per load balancer, one per core kind.

pub mod metallb;
pub mod node;
pub mod pool;
pub mod service;
