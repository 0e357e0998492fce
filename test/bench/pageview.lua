-- 50,000 visitors on 200 pages, 3 pageviews a visit, 300 visits at a time, about 350 bytes a pageview; BATCH of them in
-- each request. START: pageviews sent before.
require("result")
local count = 50000
local pages_a_visit = 3
local at_once = 300
local batch = tonumber(os.getenv("BATCH") or "1")
local key = '"_apiKey":"public-key-of-the-demo-site"'
local headers = { ["Content-Type"] = "application/json", ["User-Agent"] = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0.0.0 Safari/537.36" }
local n = tonumber(os.getenv("START") or "0")

local function fields()
  n = n + 1
  local visit = math.floor(n / (at_once * pages_a_visit)) * at_once + n % at_once
  local visitor = visit * 7919 % count
  return string.format('"pageUrl":"https://example.com/products/%d","pageTitle":"Products - Example Store","referrer":"https://google.com","visitorId":"vis_%012d","sessionId":"sess_%012d","screenWidth":1920,"screenHeight":1080,"language":"en-US","timeZone":"America/New_York"', n % 200, visitor, visit)
end

request = function()
  if batch == 1 then
    return wrk.format("POST", "/api/telemetry/pageview", headers, '{"siteId":"demo",' .. fields() .. "," .. key .. "}")
  end
  local items = {}
  for i = 1, batch do items[i] = '{"type":"pageview",' .. fields() .. "}" end
  return wrk.format("POST", "/api/telemetry/batch", headers, '{"siteId":"demo",' .. key .. ',"items":[' .. table.concat(items, ",") .. "]}")
end
