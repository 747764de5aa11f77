mod boundary;
mod fake;
mod guarded;
mod lines;
mod link;
mod matrix;
mod schedule;
mod unit;
