curl --request GET \
  --url "$CONPEEK_URL/cdr_dialog_recording?limit=500&offset=0&filter=$FILTER" \
  --header "Authorization: $CONPEEK_KEY" \
  --header 'Content-Type: application/json'
