// In the image beside dist/: `docker run … doctor` runs `node doctor`, for the base image puts `node` before what is no command.
process.argv.splice(2, 0, "doctor");
await import("./dist/main.js");
