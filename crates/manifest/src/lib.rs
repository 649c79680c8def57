//! Kubernetes manifests with byte-exact spans.
