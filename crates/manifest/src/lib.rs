//! Kubernetes manifests with byte-exact spans.
//!
//! A [`ManifestFile`] holds one text: its documents, their comments, and what is wrong with them. A [`Value`] is a cursor
//! that knows where it stands, through aliases and merge keys, and reads scalars as Kubernetes reads them. [`Object`] is a
//! document with a kind; [`kinds`] says what the kinds we know look like. Nothing here does I/O, and no text makes it fail.
//!
//! ```
//! use poolcheck_manifest::{Limits, ManifestFile, kinds::metallb};
//! use poolcheck_plan::SourceId;
//!
//! let text = "\
//! apiVersion: metallb.io/v1beta1
//! kind: IPAddressPool
//! metadata: { name: main-pool, namespace: metallb-system }
//! spec:
//!   addresses:
//!   - 192.168.1.240-192.168.1.250 # above the router's range
//! ";
//! let file = ManifestFile::parse(SourceId(0), text.into(), &Limits::default());
//! let objects = file.objects();
//! let pool = metallb::pool(&objects[0]).expect("it is a pool");
//! let entry = &pool.entries[0];
//! assert_eq!(&text[entry.value.span().range()], "192.168.1.240-192.168.1.250");
//! assert_eq!(entry.range().expect("it is a range").size(), 11);
//! ```

mod edit;
mod embed;
mod file;
pub mod helm;
pub mod kinds;
mod object;
pub mod schema;
mod selector;
mod template;
mod textmap;
pub mod tree;
mod value;
mod yaml;

pub use edit::{EditError, apply, replace_scalar};
pub use file::ManifestFile;
pub use object::Object;
pub use selector::LabelSelector;
pub use template::{Language, Placeholder, PlaceholderKind, Template, placeholder};
pub use value::{Entry, Kind, Scalar, Value};
pub use yaml::{Bytes, Comment, Document, Limits, Problem, ProblemKind, Quoting, Stream};
