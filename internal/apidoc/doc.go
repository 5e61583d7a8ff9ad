// Command apidoc writes a page in Markdown about proto files: services, messages, enums, with what their comments say. It reads
// a FileDescriptorSet with source information (buf build) and takes the names of the files, in the order of the page.
//
//	buf build --as-file-descriptor-set -o - | apidoc quorate/api/v1/keeper.proto > docs/api.md
package main
