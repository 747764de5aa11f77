mod fake;
mod lines;
mod link;
mod matrix;
