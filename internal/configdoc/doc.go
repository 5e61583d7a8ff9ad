// Command configdoc writes the tables of docs/configuration.md, between its marks, from the settings and from what becomes of zoo.cfg's keys.
package main
