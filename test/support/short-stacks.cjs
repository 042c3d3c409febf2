// Jest asks for a hundred frames of each error's stack, and looks each up in the source maps: with errors as answers, a tenth
// of the tests' time. These are Node's own ten.
Error.stackTraceLimit = 10;
