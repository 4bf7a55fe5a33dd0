// Package release tests what users download: the program in the image, as the
// Dockerfile has it built, and what "make release-dry" leaves in dist/.
//
// No engine for containers is needed: the Dockerfile's own command is run in a
// folder with only what its builder would see. That an engine takes the Dockerfile
// is for the CI workflow's job to show.
package release
