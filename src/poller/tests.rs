mod fake;
mod link;
mod matrix;
