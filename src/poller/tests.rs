mod fake;
mod matrix;
