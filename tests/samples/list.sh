curl --request GET \
  --url "$CONPEEK_URL/cdr_dialog_recording" \
  --header "Authorization: $CONPEEK_KEY" \
  --header 'Content-Type: application/json'
