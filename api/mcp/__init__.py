"""The MCP server at `/mcp`: what an agent does with workflows, by the routes' own rules.

`door` is imported with the application; all else here only once `/mcp` is first asked for, because the
package `mcp` takes a second to import.
"""
