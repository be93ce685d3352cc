-- For the REST APIs of others, which Envoy's transcoder makes calls of
-- peregrine.compat.v1: forms become JSON, a key in the body or the query becomes
-- the call's token, and errors take the form that each API gives them.

local libretranslate = {
  ["/translate"] = true, ["/detect"] = true, ["/languages"] = true,
  ["/frontend/settings"] = true,
  -- What is not there is told in its form, too.
  ["/suggest"] = true, ["/translate_file"] = true, ["/health"] = true,
  ["/spec"] = true,
}

local function api_of(path)
  path = path:gsub("%?.*", "")
  if path:find("^/v[23]/") then return "deepl" end
  if path:find("^/language/translate/v2") then return "google" end
  if libretranslate[path] then return "libretranslate" end
end

-- What DeepL answers with where it is not 200.
local function success_of(api, method, path)
  if api ~= "deepl" then return nil end
  if method == "DELETE" then return "204" end
  if method == "POST" and path:find("^/v[23]/glossaries$") then return "201" end
end

local function unescape(text)
  text = text:gsub("+", " ")
  return (text:gsub("%%(%x%x)", function(hex)
    return string.char(tonumber(hex, 16))
  end))
end

local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c)
    return string.format("\\u%04x", c:byte())
  end) .. '"'
end

-- The fields of a form, as JSON: a name that comes twice is a list. And the key.
local function read_form(form)
  local names, values, counts, key = {}, {}, {}, nil
  for pair in form:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    name, value = unescape(name), unescape(value)
    if name == "api_key" or name == "auth_key" then
      key = value
    elseif values[name] then
      values[name] = values[name] .. "," .. quote(value)
      counts[name] = counts[name] + 1
    else
      names[#names + 1] = name
      values[name], counts[name] = quote(value), 1
    end
  end
  for i, name in ipairs(names) do
    local value = values[name]
    if counts[name] > 1 then value = "[" .. value .. "]" end
    names[i] = quote(name) .. ":" .. value
  end
  return "{" .. table.concat(names, ",") .. "}", key
end

-- As Google's clients know them.
local reasons = {
  ["401"] = "authError", ["403"] = "forbidden", ["404"] = "notFound",
  ["413"] = "uploadTooLarge", ["429"] = "rateLimitExceeded",
  ["500"] = "backendError", ["503"] = "backendError",
  ["504"] = "deadlineExceeded",
}

-- In the form of each API; `message` is quoted.
local function error_of(api, status, message)
  if api == "google" then
    return '{"error":{"code":' .. status .. ',"message":' .. message ..
      ',"errors":[{"message":' .. message .. ',"domain":"global","reason":"' ..
      (reasons[status] or "invalid") .. '"}]}}'
  end
  return '{"' .. (api == "deepl" and "message" or "error") .. '":' ..
    message .. "}"
end

function envoy_on_request(handle)
  local path = handle:headers():get(":path")
  local api = api_of(path)
  if api == nil then return end
  local metadata = handle:streamInfo():dynamicMetadata()
  metadata:set("peregrine.rest", "api", api)
  local success = success_of(api, handle:headers():get(":method"), path)
  if success ~= nil then metadata:set("peregrine.rest", "success", success) end
  local key = path:match("[?&]key=([^&]+)") or
    path:match("[?&]api_key=([^&]+)") or path:match("[?&]auth_key=([^&]+)")
  local type = handle:headers():get("content-type") or ""
  if type:find("^multipart/") then
    handle:respond({[":status"] = "415", ["content-type"] = "application/json"},
      error_of(api, "415",
        quote("found a body of " .. type:gsub(";.*", "") ..
          ", expected application/json or application/x-www-form-urlencoded")))
    return
  end
  local body = handle:body()
  local headers = handle:headers()  -- after waiting for the body: see Envoy
  if body ~= nil and body:length() > 0 then
    local bytes = body:getBytes(0, body:length())
    if type:find("^application/x%-www%-form%-urlencoded") then
      local json
      json, key = read_form(bytes)
      if headers:get(":method") == "GET" then
        headers:replace(":path", path .. "?" .. bytes:gsub("&?api_key=[^&]*", ""))
        json = ""
      end
      headers:replace("content-type", "application/json")
      headers:replace("content-length", body:setBytes(json))
    elseif api == "libretranslate" then
      key = bytes:match('"api_key"%s*:%s*"([^"\\]*)"')
    end
  end
  if key ~= nil and key ~= "" and headers:get("authorization") == nil then
    headers:replace("authorization", "Bearer " .. key)
  end
end

-- The string that an error of the transcoder has as its message, in quotes.
local function message_of(json)
  local _, start = json:find('"message":%s*"')
  if start == nil then return quote(json) end
  local i = start + 1
  while true do
    local found = json:find('["\\]', i)
    if found == nil then return quote(json) end
    if json:sub(found, found) == '"' then return json:sub(start, found) end
    i = found + 2
  end
end

function envoy_on_response(handle)
  local metadata = handle:streamInfo():dynamicMetadata():get("peregrine.rest")
  if metadata == nil then
    -- Refused before envoy_on_request: the route says which API it is.
    metadata = {api = handle:metadata():get("api")}
  end
  if metadata.api == nil then return end
  local status = handle:headers():get(":status")
  if status == "200" and metadata.success ~= nil then
    handle:headers():replace(":status", metadata.success)
    if metadata.success == "204" then handle:headers():remove("content-type") end
  end
  if tonumber(status) < 400 then return end
  local wait = tonumber(handle:headers():get("grpc-retry-pushback-ms") or "")
  if wait ~= nil then
    handle:headers():replace("retry-after",
      string.format("%d", math.ceil(wait / 1000)))
  end
  local body = handle:body()
  local headers = handle:headers()
  local message = '""'
  if body ~= nil and body:length() > 0 then
    message = message_of(body:getBytes(0, body:length()))
  end
  local json = error_of(metadata.api, status, message)
  -- So do both answer an unknown key.
  if metadata.api ~= "google" and status == "401" then
    headers:replace(":status", "403")
  end
  if body ~= nil then
    headers:replace("content-type", "application/json")
    headers:replace("content-length", body:setBytes(json))
  end
end
