//! What polling costs: a request next to bare clients of two other libraries, and a big plant.
//!
//! One server for all, in another process. Rounds alternate between the clients, so that a slow
//! moment of the machine hits each; the medians are shown.
#![expect(clippy::print_stdout, reason = "the table is the result")]
#![expect(clippy::unwrap_used, reason = "a bench that cannot run should say so and stop")]
#![expect(clippy::indexing_slicing, reason = "the same")]

#[path = "poller/dead_units.rs"]
mod dead_units;
#[path = "poller/line.rs"]
mod line;
#[path = "poller/request.rs"]
mod request;
#[path = "poller/scale.rs"]
mod scale;
#[path = "poller/site.rs"]
mod site;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc; // as in the program

fn main() {
    site::serve_if_asked();
    let site = site::Site::start();
    request::compare(site.answering);
    scale::run(&site);
    println!();
    dead_units::compare();
}
