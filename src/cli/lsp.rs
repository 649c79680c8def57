//! `poolcheck lsp`: for editors.

use crate::exit::Exit;
use crate::output::Style;

/// Serves an editor; without the feature it says how to get it.
pub(crate) fn run(style: &Style) -> Exit {
    #[cfg(feature = "lsp")]
    let ended = crate::lsp::serve();
    #[cfg(not(feature = "lsp"))]
    let ended: Result<Exit, crate::session::Failure> = Err(crate::session::usage(
        "this poolcheck was built without the language server",
        "install it with it: cargo install --path . --features lsp",
    ));
    ended.unwrap_or_else(|failure| failure.tell(style))
}
