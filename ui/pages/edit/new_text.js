/** What a new workflow begins with. */

export const NEW = `# A workflow: nodes, and what each waits for. It is checked as you type.
name: hello
inputs:
  type: object
  properties:
    who: {type: string, default: world}

nodes:
  # A node has an id, a handler that does its work, and a config for it.
  - id: greet
    handler: transform
    config: {expression: "{{ 'Hello, ' ~ inputs.who ~ '!' }}"}

  # It runs once its dependencies have ended, and can read what they gave.
  - id: shout
    handler: transform
    dependencies: [greet]
    config: {expression: "{{ greet.result | upper }}"}

output: "{{ shout.result }}"
`;
