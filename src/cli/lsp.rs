//! `poolcheck lsp`: for editors.

use crate::exit::Exit;
use crate::output::Style;

/// Serves an editor.
#[cfg(feature = "lsp")]
pub(crate) fn run(style: &Style) -> Exit {
    crate::lsp::serve().unwrap_or_else(|failure| failure.tell(style))
}

/// Says how to get what was left out.
#[cfg(not(feature = "lsp"))]
pub(crate) fn run(style: &Style) -> Exit {
    crate::session::usage(
        "this poolcheck was built without the language server",
        "install it with it: cargo install --path . --features lsp",
    )
    .tell(style)
}
