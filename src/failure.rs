//! An error that ends a run before anything was judged.

use poolcheck_plan::{Sources, Span};
use poolcheck_router_adapters::AdapterError;

use crate::exit::Exit;
use crate::output::{Style, pretty};

/// What went wrong, all of it, and the status it ends with.
#[derive(Debug)]
pub struct Failure {
    exit: Exit,
    complaints: Vec<Told>,
    sources: Sources,
}

#[derive(Debug)]
struct Told {
    message: String,
    labels: Vec<(Span, String)>,
    help: Option<String>,
}

impl Failure {
    /// One error without a place.
    pub(crate) fn plain(exit: Exit, message: &str, help: &str) -> Self {
        let help = Some(help.to_owned()).filter(|text| !text.is_empty());
        let told = Told { message: message.to_owned(), labels: Vec::new(), help };
        Self { exit, complaints: vec![told], sources: Sources::new() }
    }

    /// Everything that is wrong with a configuration or facts file.
    pub(crate) fn facts(error: AdapterError, sources: Sources) -> Self {
        let told =
            |c: poolcheck_router_adapters::Complaint| Told { message: c.message, labels: c.labels, help: c.help };
        Self { exit: Exit::Usage, complaints: error.complaints.into_iter().map(told).collect(), sources }
    }

    /// The same, ending otherwise.
    #[cfg_attr(not(feature = "live"), expect(dead_code, reason = "what a live router said may not be understood"))]
    pub(crate) const fn ending(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// The messages alone.
    pub fn messages(&self) -> Vec<String> {
        self.complaints.iter().map(|told| told.message.clone()).collect()
    }

    /// Tells it on standard error and gives the status.
    pub fn tell(&self, style: &Style) -> Exit {
        let mut out = String::new();
        for told in &self.complaints {
            out.push_str(&pretty::error_headline(&told.message, style));
            if !told.labels.is_empty() {
                out.push_str(&pretty::error_frames(&told.labels, &self.sources, style));
            }
            let help: Vec<String> = told.help.iter().cloned().collect();
            out.push_str(&pretty::help(&help, style));
            out.push('\n');
        }
        crate::output::print_error(out.trim_end());
        self.exit
    }
}
