#!/usr/bin/env bash
# The calls of the front door /api, one after the other, against a running Headrace:
#
#   ./headrace dev                         # in another terminal
#   examples/automation_curls.sh           # or: API_URL=http://localhost:8520 examples/automation_curls.sh
#
# Needs curl, openssl and python3. It stops at the first answer that is not as documented.
set -euo pipefail

API=${API_URL:-http://localhost:8000}
SECRET="my-secret"

field() { python3 -c 'import json, sys
value = json.load(sys.stdin)
for name in sys.argv[1].split("."): value = value[int(name)] if name.isdigit() else value[name]
print(value if isinstance(value, str) else json.dumps(value))' "$1"; }
step() { python3 -c 'import json, sys
(found,) = [each for each in json.load(sys.stdin)["steps"] if each["step_id"] == sys.argv[1]]
print(found["status"], json.dumps(found["output_data"], sort_keys=True))' "$1"; }
expect() { if [ "$2" = "$3" ]; then echo "ok    $1: $2"; else echo "WRONG $1: $2 (expected $3)"; exit 1; fi; }
# Waits for the end of an execution, and prints it with its steps.
result() {
  for _ in $(seq 100); do
    detail=$(curl -sf "$API/api/executions/$1" -H "X-API-Key: $KEY")
    case $(echo "$detail" | field execution.status) in pending | running) sleep 0.1 ;; *) break ;; esac
  done
  echo "$detail"
}
status() { curl -s -o /dev/null -w '%{http_code}' "$@"; }

if ! curl -sf -o /dev/null "$API/api/health"; then
  echo "no Headrace answers at $API; start one with ./headrace dev, or set API_URL" >&2
  exit 1
fi

echo "# Register a tenant"
MADE=$(curl -sf -X POST "$API/api/tenants/register" \
  -H "Content-Type: application/json" \
  -d '{"name": "My Project"}')
KEY=$(echo "$MADE" | field api_key)
case $KEY in wae_live_????????????????????????????????) echo "ok    key: ${KEY:0:13}…" ;; *) echo "WRONG key: $KEY"; exit 1 ;; esac
expect "profile" "$(curl -sf "$API/api/tenants/me" -H "X-API-Key: $KEY" | field name)" "My Project"
expect "without a key" "$(status "$API/api/tenants/me")" 401

echo "# Create a workflow"
WORKFLOW=$(curl -sf -X POST "$API/api/workflows" \
  -H "X-API-Key: $KEY" \
  -H "Content-Type: application/json" \
  -d '{
    "name": "Order Pipeline",
    "trigger_type": "webhook",
    "webhook_secret": "my-secret",
    "steps": [
      {"id": "validate", "type": "transform",
       "config": {"expression": "Order #{{ trigger.payload.order_id }} for {{ trigger.payload.customer }}"},
       "depends_on": []},
      {"id": "check_amount", "type": "condition",
       "config": {"expression": "{{ trigger.payload.amount > 100 }}",
                  "true_branch": ["high_value"], "false_branch": ["standard"]},
       "depends_on": ["validate"]},
      {"id": "high_value", "type": "transform",
       "config": {"expression": "Escalate: ${{ trigger.payload.amount }}"},
       "depends_on": ["check_amount"]},
      {"id": "standard", "type": "transform",
       "config": {"expression": "Auto-approve: ${{ trigger.payload.amount }}"},
       "depends_on": ["check_amount"]}
    ]
  }')
ID=$(echo "$WORKFLOW" | field id)
WEBHOOK=$(echo "$WORKFLOW" | field webhook_path)
echo "ok    workflow: $ID, webhook: $WEBHOOK"
expect "read it" "$(curl -sf "$API/api/workflows/$ID" -H "X-API-Key: $KEY" | field name)" "Order Pipeline"
expect "list" "$(curl -sf "$API/api/workflows?limit=10" -H "X-API-Key: $KEY" | field workflows.0.id)" "$ID"
expect "change it" "$(curl -sf -X PUT "$API/api/workflows/$ID" -H "X-API-Key: $KEY" \
  -H "Content-Type: application/json" -d '{"description": "Orders by their amount"}' | field description)" \
  "Orders by their amount"

echo "# Fire a webhook"
PAYLOAD='{"order_id":"ORD-001","customer":"Jane","amount":250}'
SIG=$(echo -n "$PAYLOAD" | openssl dgst -sha256 -hmac "$SECRET" | awk '{print $2}')
FIRED=$(curl -sf -X POST "$API/webhooks/$WEBHOOK" \
  -H "Content-Type: application/json" \
  -H "X-Hub-Signature-256: sha256=$SIG" \
  -d "$PAYLOAD")
EXECUTION=$(echo "$FIRED" | field execution_id)
expect "unsigned" "$(status -X POST "$API/webhooks/$WEBHOOK" -d "$PAYLOAD")" 401

echo "# Check results"
DETAIL=$(result "$EXECUTION")
expect "validate" "$(echo "$DETAIL" | step validate)" 'completed {"result": "Order #ORD-001 for Jane"}'
expect "high_value" "$(echo "$DETAIL" | step high_value)" 'completed {"result": "Escalate: $250"}'
expect "standard" "$(echo "$DETAIL" | step standard)" "skipped null"
expect "list" "$(curl -sf "$API/api/executions?workflow_id=$ID&status=completed" -H "X-API-Key: $KEY" \
  | field executions.0.id)" "$EXECUTION"

echo "# Replay it with another amount"
REPLAY=$(curl -sf -X POST "$API/api/executions/$EXECUTION/replay" -H "X-API-Key: $KEY" \
  -H "Content-Type: application/json" -d '{"override_data": {"amount": 50}}' | field execution_id)
DETAIL=$(result "$REPLAY")
expect "standard" "$(echo "$DETAIL" | step standard)" 'completed {"result": "Auto-approve: $50"}'
expect "replayed_from" "$(echo "$DETAIL" | field execution.replayed_from)" "$EXECUTION"

echo "# Start one by hand"
STARTED=$(curl -sf -X POST "$API/api/workflows/$ID/execute" -H "X-API-Key: $KEY" \
  -H "Content-Type: application/json" \
  -d '{"trigger_data": {"order_id": "ORD-002", "customer": "Ann", "amount": 7}}' | field execution_id)
expect "validate" "$(result "$STARTED" | step validate)" 'completed {"result": "Order #ORD-002 for Ann"}'

echo "# Logs and stream"
expect "log" "$(curl -sf "$API/api/executions/$EXECUTION/logs?step_id=validate" -H "X-API-Key: $KEY" \
  | field logs.2.message)" "Step completed"
FRAMES=$(curl -sfN -m 10 "$API/api/executions/$EXECUTION/stream" -H "X-API-Key: $KEY")
expect "first frame" "$(echo "$FRAMES" | grep -m1 '^data: ' | cut -c7- | field type)" connected
expect "last frame" "$(echo "$FRAMES" | grep '^data: ' | tail -1 | cut -c7- | field status)" completed

echo "# Cancel"
SLOW=$(curl -sf -X POST "$API/api/workflows" -H "X-API-Key: $KEY" -H "Content-Type: application/json" \
  -d '{"name": "Slow", "trigger_type": "manual",
       "steps": [{"id": "wait", "type": "delay", "config": {"seconds": 60}}]}' | field id)
RUNNING=$(curl -sf -X POST "$API/api/workflows/$SLOW/execute" -H "X-API-Key: $KEY" | field execution_id)
expect "cancel" "$(curl -sf -X POST "$API/api/executions/$RUNNING/cancel" -H "X-API-Key: $KEY" | field cancelled)" true
expect "status" "$(result "$RUNNING" | field execution.status)" cancelled
expect "cancel again" "$(status -X POST "$API/api/executions/$RUNNING/cancel" -H "X-API-Key: $KEY")" 409

echo "# Metrics and health"
expect "deliveries" "$(curl -sf "$API/api/metrics/executions" -H "X-API-Key: $KEY" | field webhook_delivery_stats)" \
  '{"total": 2, "accepted": 1, "rejected": 1, "error": 0}'
expect "health" "$(curl -sf "$API/api/health" | field status)" ok

echo "# Delete"
expect "delete" "$(curl -sf -X DELETE "$API/api/workflows/$ID" -H "X-API-Key: $KEY" | field deleted)" true
expect "it is gone" "$(status "$API/api/workflows/$ID" -H "X-API-Key: $KEY")" 404
echo "All calls answered as documented."
