//! Paths as they are written in manifests: forward slashes, relative to the file that names them.

/// The folder of a path; empty for a bare name.
pub fn folder(path: &str) -> &str {
    path.rfind('/').map_or("", |at| &path[..at])
}

/// The last part of a path.
pub fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The names under which Kustomize looks for a kustomization in a folder.
pub const KUSTOMIZATIONS: [&str; 3] = ["kustomization.yaml", "kustomization.yml", "Kustomization"];

/// Whether a file of this name (without its folder) is a kustomization.
pub fn is_kustomization(name: &str) -> bool {
    KUSTOMIZATIONS.contains(&name)
}

/// A path relative to a folder, `.` and `..` taken out.
pub fn join(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if folder.starts_with('/') { format!("/{joined}") } else { joined }
}

/// Whether a path lies below a folder; everything lies below the empty one.
pub fn is_below(path: &str, folder: &str) -> bool {
    folder.is_empty() || path.strip_prefix(folder).is_some_and(|rest| rest.starts_with('/'))
}

/// A folder and all above it, the nearest first, the empty one last.
pub fn upwards(folder_: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(Some(folder_), |at| if at.is_empty() { None } else { Some(folder(at)) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_as_written() {
        assert_eq!(join("apps/traefik", "./values.yaml"), "apps/traefik/values.yaml");
        assert_eq!(join("apps/traefik", "../shared/values.yaml"), "apps/shared/values.yaml");
        assert_eq!(join("", "./values.yaml"), "values.yaml");
        assert_eq!(join("/srv/apps", "../x.yaml"), "/srv/x.yaml");
        assert_eq!(join("../k8s", "../../x.yaml"), "../../x.yaml");
    }

    #[test]
    fn folders_upwards_end_at_nothing() {
        assert_eq!(upwards("a/b").collect::<Vec<_>>(), ["a/b", "a", ""]);
        assert!(is_below("a/b/c.yaml", "a/b") && is_below("x", "") && !is_below("ab/c", "a"));
    }
}
